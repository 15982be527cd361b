#!/usr/bin/env bash
# Installs what the tests and `make check` need, once, in pinned versions, and says what to install
# where it cannot. Everything but Debian packages goes into bin/ and .cache/ of this repository.
#
#   tests/provision.sh                  what `make test` needs: compiler mariadb temporal python spark
#   tests/provision.sh NAME...          only these; also: golangci-lint workflowcheck peers
#
# It asks nothing, and takes under a second when all is there. What a registry refuses or cuts off is tried again, and runs that
# are started at once in one folder go one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."

GOLANGCI_LINT=v2.5.0
WORKFLOWCHECK=v0.6.0
TEMPORAL=v1.5.1
PYTHON_PACKAGES=(deltalake==1.6.6 pyarrow==26.0.1 arro3-core==0.9.1)
# What `make bench` measures beside us.
PEER_PACKAGES=(dlt==1.31.0 connectorx==0.4.6 deltalake==1.6.6 pyarrow==26.0.1 pandas==3.1.1 sqlalchemy==2.1.9 pymysql==1.2.4)
SPARK=4.0.1
MAVEN=https://repo1.maven.org/maven2
# Path in Maven Central, then SHA-256. What else Delta Lake needs is among Spark's own jars.
DELTA_JARS=(
	io/delta/delta-spark_2.13/4.0.0/delta-spark_2.13-4.0.0.jar 538511702aae0ef6973a6a70af3d4543c9009f8edbed786a00737e2d3cd7f04e
	io/delta/delta-storage/4.0.0/delta-storage-4.0.0.jar 9bdb9fb450f1e119eba53feb427f331b0d09072d26485b8273883ad72c9a2e1d
)

say() { printf 'provision: %s\n' "$*" >&2; }
fail() {
	say "$*"
	exit 1
}

# persist COMMAND... runs a command up to three times: a registry that fails once, or is busy for a while, is not the end.
persist() {
	local try pause=${PROVISION_PAUSE:-10}
	for try in 1 2 3; do
		"$@" && return
		[ "$try" = 3 ] || { say "that failed: trying again in $((try * pause)) s" && sleep $((try * pause)); }
	done
	return 1
}

# one_at_a_time waits for other runs in this folder: two would remove each other's half-filled .cache.
one_at_a_time() {
	command -v flock >/dev/null || return 0 # not everywhere but on Linux
	{ mkdir -p .cache && exec 9>.cache/provision.lock; } 2>/dev/null || return 0 # another user's folder: where all is there, nothing is written
	flock -n 9 || { say "waiting for another run, which installs" && flock 9; }
}

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# apt_get COMMAND... is apt-get without questions. It prints what it does only when it fails.
apt_get() {
	local log
	log=$(mktemp)
	if DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 "$@" >"$log" 2>&1 </dev/null; then
		rm -f "$log"
		return
	fi
	tail -n 20 "$log" >&2
	rm -f "$log"
	return 1
}

# apt_install WHAT PACKAGE... installs Debian packages, without what they merely recommend.
apt_install() {
	local what=$1
	shift
	can_apt || fail "$what is missing. Install it and run this again; on Debian or Ubuntu: sudo apt-get install $*"
	say "installing $* ($what)"
	persist apt_get update && persist apt_get install -y --no-install-recommends "$@" ||
		fail "$what is missing, and apt-get install $* failed (above)"
}

# go_tool NAME PACKAGE MODULE VERSION builds a Go program into bin/, unless that version is there.
go_tool() {
	local name=$1 package=$2 module=$3 version=$4
	if [ -x "bin/$name" ] && go version -m "bin/$name" | grep -qF "	mod	$module	$version	"; then
		return
	fi
	say "building bin/$name $version (some minutes, once)"
	mkdir -p bin
	GOBIN="$PWD/bin" GOFLAGS=-mod=mod persist go install "$package@$version" ||
		fail "$name $version is missing, and could not be built with: GOBIN=\$PWD/bin go install $package@$version"
}

# DuckDB is linked in through cgo.
provision_compiler() {
	command -v go >/dev/null || fail "Go is missing: install Go $(sed -n 's/^go //p' go.mod) or newer from https://go.dev/dl/"
	command -v gcc >/dev/null && command -v g++ >/dev/null || command -v clang++ >/dev/null ||
		apt_install "a C++ compiler" gcc g++ libc6-dev
}

# The core packages are the server without the service: nothing is started, no port is taken.
provision_mariadb() {
	if [ -n "${TRIBUTARY_TEST_MARIADB:-}" ] || PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mariadbd >/dev/null; then
		return
	fi
	apt_install "MariaDB server (or name one's DSN in TRIBUTARY_TEST_MARIADB)" mariadb-server-core mariadb-client-core
}

# Any Temporal CLI in the PATH will do; else ours, built from the Go module.
provision_temporal() {
	[ -x bin/temporal ] || ! command -v temporal >/dev/null || return 0
	go_tool temporal github.com/temporalio/cli/cmd/temporal github.com/temporalio/cli "$TEMPORAL"
}

# new_venv DIR makes an empty Python environment, in place of any that is there.
new_venv() {
	python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install "Python 3 with venv" python3 python3-venv
	rm -rf "$1"
	python3 -m venv "$1"
}

# pip_install VENV PACKAGE... installs Python packages.
pip_install() {
	local python=$1/bin/python
	shift
	persist "$python" -m pip install --quiet --disable-pip-version-check --no-input --timeout 60 "$@" </dev/null
}

# deltalake reads what we wrote, in interop tests and the benchmark.
provision_python() {
	local python=${TRIBUTARY_TEST_PYTHON:-} venv=.cache/venv
	if [ -n "$python" ]; then
		"$python" -c 'import deltalake, pyarrow' 2>/dev/null ||
			fail "TRIBUTARY_TEST_PYTHON ($python) has no deltalake and pyarrow: $python -m pip install ${PYTHON_PACKAGES[*]}"
		return
	fi
	[ "$(cat $venv/pins 2>/dev/null)" != "${PYTHON_PACKAGES[*]}" ] || return 0
	say "installing ${PYTHON_PACKAGES[*]} into $venv"
	new_venv "$venv"
	pip_install "$venv" "${PYTHON_PACKAGES[@]}" ||
		fail "$venv could not be filled: pip install ${PYTHON_PACKAGES[*]} in a Python of your own, and name it in TRIBUTARY_TEST_PYTHON"
	"$venv/bin/python" -c 'import deltalake, pyarrow'
	echo "${PYTHON_PACKAGES[*]}" >$venv/pins # last: an interrupted installation is begun again
}

# The peers that install, in a venv of their own: the tests need none of them.
provision_peers() {
	local venv=.cache/peers
	[ "$(cat $venv/pins 2>/dev/null)" != "${PEER_PACKAGES[*]}" ] || return 0
	say "installing ${PEER_PACKAGES[*]} into $venv"
	new_venv "$venv"
	pip_install "$venv" "${PEER_PACKAGES[@]}" ||
		fail "$venv could not be filled: pip install ${PEER_PACKAGES[*]}. Run this again"
	"$venv/bin/python" -c 'import dlt, connectorx'
	echo "${PEER_PACKAGES[*]}" >$venv/pins # last: an interrupted installation is begun again
}

# java_for_spark prints the path of a Java that Spark runs on, which need not be the first in the PATH.
java_for_spark() {
	local java
	for java in "${JAVA_HOME:-}/bin/java" "$(command -v java)" /usr/lib/jvm/*/bin/java; do
		if [ -x "$java" ] && [[ $("$java" -version 2>&1) =~ \ version\ \"(17|21)[.\"] ]]; then
			readlink -f "$java"
			return
		fi
	done
	return 1
}

# provision_java installs a Java that Spark runs on, unless there is one.
provision_java() {
	java_for_spark >/dev/null && return
	local package=openjdk-17-jre-headless
	if can_apt && persist apt_get update && ! apt-cache show $package >/dev/null 2>&1; then
		package=openjdk-21-jre-headless # newer Debian has no 17
	fi
	apt_install "Java 17 or 21" $package
}

# .cache/spark is a venv with Spark, and has what testserver.Spark starts: java, jars/ and delta/.
provision_spark() {
	[ -z "${TRIBUTARY_TEST_SPARK:-}" ] || return 0
	local java dir=.cache/spark pins="pyspark==$SPARK ${DELTA_JARS[*]}"
	[ ! -x $dir/java ] || [ "$(cat $dir/pins 2>/dev/null)" != "$pins" ] || return 0
	provision_java
	java=$(java_for_spark) || fail "Java 17 or 21 is not in the PATH or /usr/lib/jvm: name its folder in JAVA_HOME"
	say "installing pyspark==$SPARK and Delta Lake into $dir (450 MB to download, once)"
	new_venv $dir
	# Without pip's cache: it would keep as much again, twice.
	pip_install $dir --no-cache-dir "pyspark==$SPARK" ||
		fail "$dir could not be filled with pip install pyspark==$SPARK. Run this again, or name a Spark Thrift server in TRIBUTARY_TEST_SPARK"
	(cd $dir && ln -s lib/python3*/site-packages/pyspark/jars jars)
	mkdir $dir/delta
	persist download_delta $dir/bin/python $dir/delta || fail "Delta Lake's jars could not be fetched from $MAVEN (above). Run this again"
	ln -s "$java" $dir/java
	echo "$pins" >$dir/pins # last: an interrupted installation is begun again
}

# download_delta PYTHON DIR fetches DELTA_JARS; what does not have its checksum is an error.
download_delta() {
	"$1" - "$MAVEN" "$2" "${DELTA_JARS[@]}" <<-'EOF'
		import hashlib, os, sys, urllib.request
		base, folder, *jars = sys.argv[1:]
		for path, want in zip(jars[::2], jars[1::2]):
		    with urllib.request.urlopen(base + "/" + path, timeout=120) as response:
		        data = response.read()
		    got = hashlib.sha256(data).hexdigest()
		    if got != want:
		        sys.exit(f"{base}/{path} has SHA-256 {got}, not {want}")
		    with open(os.path.join(folder, os.path.basename(path)), "wb") as file:
		        file.write(data)
	EOF
}

provision_golangci_lint() {
	go_tool golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint github.com/golangci/golangci-lint/v2 "$GOLANGCI_LINT"
}

provision_workflowcheck() {
	go_tool workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck "$WORKFLOWCHECK"
}

one_at_a_time
[ $# -gt 0 ] || set -- compiler mariadb temporal python spark
for name; do
	case $name in
	compiler | mariadb | temporal | python | spark | golangci-lint | workflowcheck | peers) "provision_${name//-/_}" ;;
	*) fail "unknown: $name (one of compiler, mariadb, temporal, python, spark, golangci-lint, workflowcheck, peers)" ;;
	esac
done
