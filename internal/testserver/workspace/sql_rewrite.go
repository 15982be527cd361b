package workspace

import (
	"regexp"
	"strings"

	"github.com/apache/thrift/lib/go/thrift"
)

// Protocol versions, as an OpenSession names them.
const (
	sparkProtocol      = 7     // HIVE_CLI_SERVICE_PROTOCOL_V8: results by column. Spark's default is by row, which databricks-sql-go does not read.
	databricksProtocol = 42248 // SPARK_CLI_SERVICE_PROTOCOL_V8: with query parameters
)

// Fields of the Thrift structures, from databricks-sql-go's cli_service and Hive's TCLIService.
const (
	theRequest = 1 // of a call
	theAnswer  = 0 // of a reply

	sessionProtocol, sessionConfig, sessionNamespace = 1, 4, 1284    // TOpenSessionReq
	namespaceSchema                                  = 2             // TNamespace
	sessionServerProtocol                            = 2             // TOpenSessionResp
	executeStatement, executeParameters              = 2, 1288       // TExecuteStatementReq
	statusError, statusDisplay, statusDiagnostic     = 5, 1281, 1282 // TGetOperationStatusResp
	fetchRows                                        = 3             // TFetchResultsReq
	fetchMore, fetchResults                          = 2, 3          // TFetchResultsResp
	rowSetColumns, columnValues                      = 3, 1          // TRowSet; TColumn, whichever its type is
)

// toSpark rewrites a call, and returns its method too.
func (w *Workspace) toSpark(call []byte) (method string, rewritten []byte, err error) {
	m, err := readMessage(call)
	if err != nil {
		return "", nil, err
	}
	request := m.fields.inner(theRequest)
	switch m.name {
	case "OpenSession":
		request = openSession(request)
	case "ExecuteStatement":
		statement, err := w.statement(request.text(executeStatement), readParameters(request))
		if err != nil {
			return "", nil, err
		}
		w.recordStatement(request.text(executeStatement))
		request = request.with(executeStatement, thrift.STRING, []byte(statement)).without(executeParameters)
	default:
		return m.name, call, nil
	}
	m.fields = fields{{theRequest, thrift.STRUCT, request}}
	rewritten, err = m.bytes()
	return m.name, rewritten, err
}

// openSession gives Spark what Databricks takes in fields and names of its own: the protocol, the schema to begin in, and
// the parameters of a SQL warehouse.
func openSession(request fields) fields {
	config, ok := request.get(sessionConfig).(mapping)
	if !ok {
		config = mapping{key: thrift.STRING, value: thrift.STRING}
	}
	var pairs [][2]any
	for _, pair := range config.pairs {
		name, _ := pair[0].([]byte)
		pairs = append(pairs, [2]any{[]byte(sparkSetting(string(name))), pair[1]})
	}
	if schema := request.inner(sessionNamespace).text(namespaceSchema); schema != "" {
		pairs = append(pairs, [2]any{[]byte("use:database"), []byte("`" + schema + "`")})
	}
	config.pairs = pairs
	return request.with(sessionProtocol, thrift.I32, int32(sparkProtocol)).with(sessionConfig, thrift.MAP, config).without(sessionNamespace)
}

// sparkSetting is a session parameter under Spark's name. Hive's Thrift server takes only those that say what they set.
func sparkSetting(name string) string {
	switch strings.ToLower(name) {
	case "timezone":
		name = "spark.sql.session.timeZone"
	case "ansi_mode":
		name = "spark.sql.ansi.enabled"
	}
	return "set:hiveconf:" + name
}

// fromSpark rewrites the answers that Databricks gives otherwise: the protocol of a session, where an error's words are, and
// whether a page of a result has another one behind it, which Spark denies of each.
func fromSpark(method string, call, reply []byte) ([]byte, error) {
	if method != "OpenSession" && method != "GetOperationStatus" && method != "FetchResults" {
		return reply, nil
	}
	asked, err := readMessage(call)
	if err != nil {
		return nil, err
	}
	m, err := readMessage(reply)
	if err != nil {
		return nil, err
	}
	answer := m.fields.inner(theAnswer)
	switch {
	case answer == nil: // a Thrift exception
		return reply, nil
	case method == "OpenSession":
		answer = answer.with(sessionServerProtocol, thrift.I32, int32(databricksProtocol))
	case method == "FetchResults":
		most, _ := asked.fields.inner(theRequest).get(fetchRows).(int64)
		answer = answer.with(fetchMore, thrift.BOOL, int64(rowsOf(answer.inner(fetchResults))) >= most)
	case answer.text(statusError) != "":
		answer = answer.with(statusDisplay, thrift.STRING, []byte(displayMessage(answer.text(statusError)))).
			with(statusDiagnostic, thrift.STRING, []byte(answer.text(statusError)))
	}
	m.fields = fields{{theAnswer, thrift.STRUCT, answer}}
	return m.bytes()
}

// rowsOf counts the rows of a TRowSet.
func rowsOf(set fields) int {
	columns, _ := set.get(rowSetColumns).(sequence)
	for _, column := range columns.items {
		for _, typed := range column.(fields) {
			values, _ := typed.value.(fields).get(columnValues).(sequence)
			return len(values.items)
		}
	}
	return 0
}

var (
	hivePrefix = regexp.MustCompile(`^org\.apache\.hive\.service\.cli\.HiveSQLException: Error running query: (\[\S+\] )?`)
	javaClass  = regexp.MustCompile(`^[\w.$]+: \s*`)
	errorClass = regexp.MustCompile(`^\[[A-Z][A-Z0-9_.]+\]`)
)

// displayMessage is what Databricks shows of an error: the first cause that has an error class, without the classes and
// the stack of Java around it. Without any, it is the last cause.
func displayMessage(text string) string {
	last := ""
	for cause := range strings.SplitSeq(hivePrefix.ReplaceAllString(text, ""), "\nCaused by: ") {
		cause, _, _ = strings.Cut(cause, "\n\tat ")
		last = strings.TrimSpace(cause)
		if message := javaClass.ReplaceAllString(last, ""); errorClass.MatchString(message) {
			return message
		}
	}
	return last
}

func (w *Workspace) recordStatement(statement string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.statements = append(w.statements, statement)
}

// Statements returns the SQL that arrived so far, as it was sent.
func (w *Workspace) Statements() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.statements...)
}
