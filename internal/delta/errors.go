package delta

import "errors"

// Errors of this package, wrapped with the folder, file or version they are about.
var (
	ErrNotFound = errors.New("not found")                    // no table in the folder, or no such version of it
	ErrExists   = errors.New("table exists")                 // a transaction without Read found a table
	ErrConflict = errors.New("concurrent change")            // another commit won and changed what the transaction relied on; read again and retry
	ErrCorrupt  = errors.New("log is damaged")               // a log file is missing, truncated or unreadable
	ErrProtocol = errors.New("table needs a newer protocol") // the table uses features that this package does not know
	ErrInvalid  = errors.New("transaction is not valid")     // the transaction breaks a rule of the table or of the format; nothing was written
	// ErrUncertain says that the commit may be in the log although an error happened: its data files
	// must stay (Vacuum removes them if the commit is not there).
	ErrUncertain = errors.New("commit may have happened")
)
