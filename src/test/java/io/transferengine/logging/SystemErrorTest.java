// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class SystemErrorTest {
  @ParameterizedTest
  @CsvSource({
    "Too many open files, ulimit -n",
    "Too many open files in system, fs.file-max",
    "Cannot assign requested address, ip_local_port_range",
    "Invalid argument, fe80::1%eth0",
    "Network is unreachable, ip route",
    "Operation not permitted, firewall",
    "No buffer space available, tcp_mem",
  })
  void eachErrorOfThisMachineHasItsRemedy(String text, String remedy) {
    Exception nested =
        new IllegalStateException(
            "Unable to create Channel", new IOException("newSocketStream(..) failed: " + text));
    assertThat(SystemError.remedyHere(nested))
        .hasValueSatisfying(r -> assertThat(r).contains(remedy));
    assertThat(SystemError.remedy(nested, "other")).contains(remedy);
    assertThat(SystemError.text(nested)).contains(text);
  }

  @ParameterizedTest
  @CsvSource({"Connection refused", "No route to host", "Connection reset", "Connection timed out"})
  void errorsOfPeersAreNotOurs(String text) {
    assertThat(SystemError.remedyHere(new ConnectException(text))).isEmpty();
    assertThat(SystemError.remedy(new ConnectException(text), "other")).isEqualTo("other");
  }

  @Test
  void aFailureWithoutTextIsShownByItsClass() {
    assertThat(SystemError.text(new IOException())).isEqualTo("java.io.IOException");
    assertThat(SystemError.remedyHere(new IOException())).isEmpty();
  }

  /** What the system really says. */
  @Test
  void aPortThatIsTakenIsToldFromAnAddressThatIsNotHere() throws Exception {
    try (ServerSocket first = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        ServerSocket second = new ServerSocket()) {
      assertThat(bindFailure(second, first.getLocalSocketAddress()))
          .matches(SystemError::isPortTaken)
          .matches(e -> SystemError.remedyHere(e).isEmpty());
    }
    try (ServerSocket third = new ServerSocket()) {
      assertThat(bindFailure(third, new InetSocketAddress("198.51.100.77", 0)))
          .matches(e -> !SystemError.isPortTaken(e))
          .matches(e -> SystemError.remedyHere(e).orElse("").contains("no such address"));
    }
  }

  private static IOException bindFailure(ServerSocket socket, java.net.SocketAddress address)
      throws IOException {
    try {
      socket.bind(address);
      throw new AssertionError("bound to " + address);
    } catch (BindException e) {
      return e;
    }
  }
}
