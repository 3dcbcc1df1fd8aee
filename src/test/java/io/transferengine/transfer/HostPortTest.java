// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HostPortTest {
  @ParameterizedTest
  @CsvSource({
    "10.0.0.1:15123, 10.0.0.1, 15123, 10.0.0.1:15123",
    "node-1.rack_2.example.com:1, node-1.rack_2.example.com, 1, node-1.rack_2.example.com:1",
    "localhost.:80, localhost., 80, localhost.:80",
    "[::1]:65535, ::1, 65535, [::1]:65535",
    "[fe80::1%eth0]:7, fe80::1%eth0, 7, [fe80::1%eth0]:7",
    "fe80::1%eth0:7, fe80::1%eth0, 7, [fe80::1%eth0]:7",
    "[::ffff:10.0.0.1]:7, ::ffff:10.0.0.1, 7, [::ffff:10.0.0.1]:7",
    "host:00080, host, 80, host:80",
  })
  void parsesWithPort(String text, String host, int port, String written) {
    assertThat(HostPort.parse(text)).isEqualTo(new HostPort(host, port)).hasToString(written);
    assertThat(HostPort.parse(text, 9)).isEqualTo(new HostPort(host, port));
    assertThat(HostPort.parse(written)).isEqualTo(new HostPort(host, port));
  }

  @ParameterizedTest
  @CsvSource({
    "host, host",
    "1.2.3.4, 1.2.3.4",
    "::1, ::1",
    "fe80::1:1234, fe80::1:1234",
    "fe80::1%eth0, fe80::1%eth0",
    "[::1], ::1",
    "::, ::",
  })
  void takesTheDefaultPortWhereThereIsNone(String text, String host) {
    assertThat(HostPort.parse(text, 12_001)).isEqualTo(new HostPort(host, 12_001));
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> HostPort.parse(text))
        .withMessageContaining("the port is missing");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":",
        ":80",
        "host:",
        "host:0",
        "host:70000",
        "host:99999999999999999999",
        "host:-1",
        "host:+1",
        "host: 1",
        "host:1x",
        "host:\u0661",
        "ho st:1",
        "-host:1",
        "host-:1",
        "a..b:1",
        ".:1",
        ".a:1",
        "h\u00f6st:1",
        "host/x:1",
        "http://host:1",
        "256.1.1.1:1",
        "1.2.3:1",
        "1.2.3.4.5:1",
        "01.2.3.4:1",
        "1.2.3.4444:1",
        "12345:1",
        "[::1",
        "[::1]1",
        "[::1]:",
        "[]:1",
        "[host]:1",
        "[1.2.3.4]:1",
        "[:::1]:1",
        "[::g]:1",
        "[1:2:3:4:5:6:7]:1",
        "[::1%]:1",
        "[::1%a b]:1",
        "1:2:3",
        "fe80::1:12345",
        "host\n:1"
      })
  void refusesWithTheAcceptedForms(String text) {
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> HostPort.parse(text, 12_001))
        .matches(e -> e.code() == ErrorCode.INVALID_ARGUMENT)
        .withMessageContaining("host:port, [ipv6]:port")
        .withMessageContaining("\"" + text.replace("\n", " ") + "\"")
        .withMessageNotContaining("\n");
  }

  @Test
  void namesHaveALengthLimit() {
    String label = "a".repeat(63);
    assertThat(HostPort.parse(label + ":1").host()).isEqualTo(label);
    String longest = (label + ".").repeat(3) + "a".repeat(61);
    assertThat(HostPort.parse(longest + ":1").host()).hasSize(253);
    for (String host : new String[] {label + "a", longest + "a", "a.".repeat(100_000) + "a"}) {
      assertThatExceptionOfType(TransferException.class)
          .isThrownBy(() -> HostPort.parse(host + ":1"))
          .matches(e -> String.valueOf(e.getMessage()).length() < 400);
    }
  }
}
