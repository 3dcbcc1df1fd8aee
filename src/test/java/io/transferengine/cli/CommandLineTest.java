// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Help and wrong command lines. These start nothing, so they run in this process. */
@Timeout(60)
class CommandLineTest {
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  private int run(String line) {
    PrintStream realOutput = System.out;
    PrintStream realError = System.err;
    System.setOut(new PrintStream(output, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(error, true, StandardCharsets.UTF_8));
    try {
      return Main.run(line.isEmpty() ? new String[0] : line.split(" ", -1));
    } finally {
      System.setOut(realOutput);
      System.setErr(realError);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo", "bench", "soak", "doctor", "topology", "certs", "top"})
  void helpIsOnStandardOutput(String command) {
    assertThat(run(command + " --help")).isZero();
    assertThat(output.toString(StandardCharsets.UTF_8))
        .startsWith("Usage: te " + command)
        .contains("Exit status")
        .doesNotContain("for-test")
        .doesNotContain("sys-root")
        .doesNotContain("\u001b");
    assertThat(error.toString(StandardCharsets.UTF_8)).isEmpty();
  }

  @Test
  void helpListsTheCommands() {
    assertThat(run("--help")).isZero();
    assertThat(output.toString(StandardCharsets.UTF_8))
        .contains("demo", "bench", "soak", "doctor", "topology", "certs", "top");
  }

  @Test
  void versionIsOnStandardOutput() {
    assertThat(run("--version")).isZero();
    assertThat(output.toString(StandardCharsets.UTF_8))
        .startsWith("te ")
        .contains("JDK " + System.getProperty("java.runtime.version"));
    assertThat(error.toString(StandardCharsets.UTF_8)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | A command is missing | 2",
        "frobnicate | frobnicate | 2",
        "demo --nope | --nope | 2",
        "demo --pages x | 'x' | 2",
        "demo --pages 0 | --pages 0 | 2",
        "demo --pages 6251 | --pages 6251 | 2",
        "demo --file-bytes 1Q | '1Q' | 2",
        "demo --file-bytes 0 | '0' | 2",
        "demo --file /nowhere/at/all | /nowhere/at/all | 2",
        "bench | --loopback | 2",
        "soak --links lo | --protocol rdma | 2",
        "soak --protocol rdma --links nosuch0 | 'nosuch0' | 2",
        "bench --loopback --preset llama3-70b-tp8 --sizes 4K | --sizes | 2",
        "bench --loopback --json /nowhere/at/all | no folder /nowhere/at | 2",
        "bench --loopback --target | --loopback | 2",
        "bench --loopback --op move | move | 2",
        "bench --loopback --sizes 4K,-1 | '-1' | 2",
        "bench --loopback --sizes 9999999999999G | '9999999999999G' | 2",
        "bench --loopback --batch 0 | --batch 0 | 2",
        "bench --loopback --batch 1000001 | --batch 1000001 | 2",
        "bench --loopback --threads 0 | --threads 0 | 2",
        "bench --loopback --lanes 17 | --lanes 17 | 2",
        "bench --loopback --seconds 0 | --seconds 0 | 2",
        "bench --loopback --seconds NaN | --seconds NaN | 2",
        "bench --loopback --count 0 | --count 0 | 2",
        "bench --loopback --protocol pigeon | pigeon | 2",
        "bench --loopback --protocol rdma | RDMA is required | 3",
        "bench --loopback --device rxe0 | --protocol rdma | 2",
        "bench --target --target-host 10.0.0.1 | --target-host need --loopback | 2",
        "bench --loopback --repeat 0 | --repeat 0 | 2",
        "bench --loopback --against ping | ping | 2",
        "bench --loopback --against iperf3,none | go together | 2",
        "bench --loopback --against ib_write_bw | --protocol rdma | 2",
        "bench --loopback --latency --against ib_read_lat_events | --protocol rdma | 2",
        "bench --loopback --busy -1 | --busy -1 | 2",
        "bench --idle --busy 1 | needs --loopback | 2",
        "bench --initiator 127.0.0.1:1 --against iperf3 | needs --loopback | 2",
        "bench --initiator 127.0.0.1:1 --against nio | needs --loopback | 2",
        "bench --loopback --protocol rdma --against nio | --protocol tcp or local | 2",
        "bench --loopback --against nio,auto | go together | 2",
        "bench --loopback --against nio,nio | twice | 2",
        "bench --loopback --against tcp | --protocol local | 2",
        "bench --loopback --protocol rdma --against ucx_perftest | --protocol tcp or local | 2",
        "bench --initiator 127.0.0.1:1 --against memcpy | needs --loopback | 2",
        "bench --loopback --latency --against iperf3 | tell no latency | 2",
        "bench --loopback --latency --batch 2 | --batch does not go with --latency | 2",
        "bench --loopback --latency --threads 2 | --threads does not go with --latency | 2",
        "bench --loopback --latency --preset llama3-70b-tp8 | --preset does not go | 2",
        "bench --loopback --rate 5 | --rate needs --latency | 2",
        "bench --loopback --latency --rate 0 | --rate 0 | 2",
        "bench --loopback --latency --rate 10000001 | up to 10000000 | 2",
        "bench --loopback --preset llama9 | llama3-70b-tp8 | 2",
        "bench --loopback --tokens 0 | --tokens 0 | 2",
        "bench --loopback --page-tokens 0 | --page-tokens 0 | 2",
        "bench --loopback --verify | need --trace | 2",
        "bench --loopback --trace t --time-scale -1 | --time-scale -1 | 2",
        "bench --loopback --trace t --token-scale 0 | --token-scale 0 | 2",
        "bench --loopback --trace t --requests 0 | --requests 0 | 2",
        "bench --loopback --json /nowhere/at/all | --json /nowhere/at/all | 2",
        "bench --loopback --plot /nowhere/at/all.svg | --plot /nowhere/at/all.svg | 2",
        "bench --loopback --plot /tmp/x.png | end the name with .svg | 2",
        "bench --loopback --compare /nowhere/at/all | --compare /nowhere/at/all | 2",
        "bench --idle 0 | --idle 0 | 2",
        "bench --initiator nowhere | nowhere | 2",
        "bench --target --control-port 70000 | 70000 | 2",
        "bench --initiator 127.0.0.1:1 --host 127.0.0.1 | 127.0.0.1:1 | 1",
        "soak --minutes 0 | --minutes 0 | 2",
        "soak --minutes NaN | --minutes NaN | 2",
        "soak --faults 0 | --faults 0 | 2",
        "soak --groups 65 | --groups 65 | 2",
        "soak --processes 1 | --processes 1 | 2",
        "soak --protocol pigeon | pigeon | 2",
        "soak --protocol rdma --config version1 | --config VERSION1 | 2",
        "soak --config nope | nope | 2",
        "doctor now | now | 2",
        "certs | DIR | 2",
        "certs d --name a_b | a_b | 2",
        "certs d --name fe80::1%eth0 | fe80::1%eth0 | 2",
        "certs d --name -x | -x | 2",
        "certs /proc/none | /proc/none | 1",
        "topology now | now | 2",
        "topology --device | --device | 2",
        "topology --device mlx5_9 --sys-root /nowhere | no RDMA devices | 3"
      })
  void anErrorIsOneLineThatNamesTheValue(String line, String named, int status) {
    assertThat(run(line)).isEqualTo(status);
    assertThat(output.toString(StandardCharsets.UTF_8)).isEmpty();
    assertThat(error.toString(StandardCharsets.UTF_8))
        .startsWith("te: ")
        .contains(named)
        .hasLineCount(1);
  }
}
