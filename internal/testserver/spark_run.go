package testserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"
)

const sparkPath = "/cliservice"

// sparkLog has Spark log warnings to standard output: the default prints every task.
const sparkLog = `rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = stdout
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n%ex
`

// findSpark returns Java's path and the class path of Spark with Delta Lake, as tests/provision.sh installed them.
func findSpark() (java, classes string, err error) {
	dir, err := root()
	if err != nil {
		return "", "", err
	}
	home := filepath.Join(dir, ".cache", "spark")
	java = filepath.Join(home, "java")
	if !isFile(java) || !isFile(filepath.Join(home, "pins")) { // pins is written when all is there
		return "", "", fmt.Errorf("Spark with Delta Lake (in %s): %w: run tests/provision.sh spark, "+
			"or name a Spark Thrift server in TRIBUTARY_TEST_SPARK", home, ErrMissing)
	}
	return java, filepath.Join(home, "jars", "*") + ":" + filepath.Join(home, "delta", "*"), nil
}

// arguments start the Thrift server without spark-submit: it is then the child itself, not the child
// of a script, and dies with the test binary.
func (s *SparkServer) arguments() []string {
	classes := s.classes
	if !s.defaults {
		classes = s.path(hadoopFolder) + ":" + classes
	}
	args := []string{"-cp", classes, "-Xmx2g"}
	args = append(args, sparkJava...)
	if !s.defaults {
		args = append(args, smallJava...)
	}
	args = append(args, "-Djava.io.tmpdir="+s.path("tmp"), "-Dderby.stream.error.file="+s.path("derby.log"),
		"-Dlog4j2.configurationFile=file:"+s.path("log4j2.properties"))
	for name, value := range s.conf() {
		args = append(args, "-D"+name+"="+value)
	}
	args = append(args, "-Dspark.local.dir="+s.path("tmp"), "-Dspark.sql.warehouse.dir="+s.path("warehouse"),
		"org.apache.spark.sql.hive.thriftserver.HiveThriftServer2")
	for name, value := range map[string]string{
		"hive.server2.transport.mode":    "http",
		"hive.server2.thrift.bind.host":  "127.0.0.1",
		"hive.server2.thrift.http.port":  strconv.Itoa(s.port),
		"hive.server2.thrift.http.path":  sparkPath[1:],
		"hive.exec.scratchdir":           s.path("tmp", "hive"),
		"javax.jdo.option.ConnectionURL": "jdbc:derby:;databaseName=" + s.path("metastore") + ";create=true",
	} {
		args = append(args, "--hiveconf", name+"="+value)
	}
	return args
}

func (s *SparkServer) path(names ...string) string {
	return filepath.Join(append([]string{s.home}, names...)...)
}

// conf is Spark's configuration.
func (s *SparkServer) conf() map[string]string {
	conf := maps.Clone(sparkConf)
	if !s.defaults {
		maps.Copy(conf, smallConf)
	}
	return conf
}

// smallJava has Java start fast and stay small: small statements end before the optimizing compiler has paid for itself.
var smallJava = []string{"-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m", "-XX:+UseSerialGC", "-XX:-UsePerfData"}

// sparkJava opens what Spark reaches into (its launcher's JavaModuleOptions).
var sparkJava = []string{
	"-XX:+ExitOnOutOfMemoryError", // rather than hang half dead
	"-Duser.timezone=America/New_York",
	"-XX:+IgnoreUnrecognizedVMOptions", "--add-modules=jdk.incubator.vector",
	"--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.lang.invoke=ALL-UNNAMED",
	"--add-opens=java.base/java.lang.reflect=ALL-UNNAMED", "--add-opens=java.base/java.io=ALL-UNNAMED",
	"--add-opens=java.base/java.net=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED",
	"--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
	"--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED", "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
	"--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/sun.nio.cs=ALL-UNNAMED",
	"--add-opens=java.base/sun.security.action=ALL-UNNAMED", "--add-opens=java.base/sun.util.calendar=ALL-UNNAMED",
	"--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
	"-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true",
}

var sparkConf = map[string]string{
	"spark.app.name":                  "tributary-test",
	"spark.master":                    "local[2]",
	"spark.driver.host":               "127.0.0.1",
	"spark.driver.bindAddress":        "127.0.0.1",
	"spark.ui.enabled":                "false",
	"spark.sql.extensions":            "io.delta.sql.DeltaSparkSessionExtension",
	"spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",

	"spark.network.timeout": "1h", // from 2 minutes: a machine that stalls for longer has Spark give up its own, and only, executor

	"spark.ui.retainedJobs":                        "20", // kept in memory even without the UI
	"spark.ui.retainedStages":                      "20",
	"spark.ui.retainedTasks":                       "200",
	"spark.sql.ui.retainedExecutions":              "20",
	"spark.sql.thriftserver.ui.retainedStatements": "20",
	"spark.sql.thriftserver.ui.retainedSessions":   "20",
}

// smallConf makes small statements fast: a MERGE of 20 rows takes a third of what it takes with Spark's
// defaults. Nothing here changes what a statement does.
var smallConf = map[string]string{
	"spark.default.parallelism":                                "2",
	"spark.sql.shuffle.partitions":                             "2",
	"spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
	"spark.databricks.delta.snapshotPartitions":                "2",     // from 50: the log is read at every statement
	"spark.sql.adaptive.enabled":                               "false", // nothing to adapt to
	"spark.sql.codegen.wholeStage":                             "false", // compiling takes longer than running
	"spark.sql.codegen.factoryMode":                            "NO_CODEGEN",
	"spark.sql.ui.explainMode":                                 "simple", // each statement's plan is written for a page that nobody opens
}

// hadoopFolder is what Java finds Hadoop's own defaults in first. Each job, broadcast and closure carries them, a thousand settings that are
// compressed one by one: without those of services that are not there, statements take a sixth less of the processor.
const hadoopFolder = "hadoop"

var hadoopDefaults = map[string]string{
	"core-default.xml": "<configuration><property><name>fs.AbstractFileSystem.file.impl</name>" +
		"<value>org.apache.hadoop.fs.local.LocalFs</value></property></configuration>",
	"hdfs-default.xml": "<configuration/>", "mapred-default.xml": "<configuration/>", "yarn-default.xml": "<configuration/>",
}

// openSession is a Thrift call of OpenSession in the binary protocol, for column-based results.
var openSession = []byte("\x80\x01\x00\x01\x00\x00\x00\x0bOpenSession\x00\x00\x00\x01" +
	"\x0c\x00\x01" + "\x08\x00\x01\x00\x00\x00\x07" + "\x00\x00")

// ping opens a session, which is left to end with the server: a server that listens may not be ready for one yet.
func (s *SparkServer) ping(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(openSession))
	if err != nil {
		return err
	}
	request.SetBasicAuth("tributary", "tributary")
	request.Header.Set("Content-Type", "application/x-thrift")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	const reply = "\x80\x01\x00\x02\x00\x00\x00\x0bOpenSession"
	if response.StatusCode != http.StatusOK || !bytes.HasPrefix(answer, []byte(reply)) {
		return fmt.Errorf("%s is no Spark Thrift server over HTTP, or not ready: %s: %.200q", s.URL, response.Status, answer)
	}
	return nil
}
