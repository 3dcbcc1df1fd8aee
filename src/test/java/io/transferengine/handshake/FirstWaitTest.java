// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the JDK cannot get when it is first needed, it never tries to get again. */
@Timeout(120)
class FirstWaitTest {
  private static final String WAITED = "has waited";

  /** After a daemon, and then with hardly any descriptor, a virtual thread waits for a socket. */
  static final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
      Callable<String> wait = Main::waitForNobody;
      // Loads all that it needs, but for what only virtual threads need.
      String _ = wait.call();
      new HandshakeDaemon(HandshakeDaemonOptions.DEFAULT.withPort(0), new RecordingHandler())
          .close();
      List<FileInputStream> taken = new ArrayList<>();
      try {
        while (true) {
          taken.add(new FileInputStream("/dev/null"));
        }
      } catch (IOException full) {
        // For the socket, and for one that it would accept.
        taken.removeLast().close();
        taken.removeLast().close();
      }
      FutureTask<String> waiting = new FutureTask<>(wait);
      Thread.ofVirtual().start(waiting).join();
      for (FileInputStream each : taken) {
        each.close();
      }
      System.out.println(waiting.get());
    }

    private static String waitForNobody() throws IOException {
      try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        server.setSoTimeout(1);
        server.accept().close();
        return "was disturbed";
      } catch (SocketTimeoutException e) {
        return WAITED;
      }
    }
  }

  @Test
  void isOverWhenDescriptorsRunOut() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("sh", "-c", "ulimit -n 256; exec \"$@\"", "sh"),
            List.of(),
            ChildJvm.classPath(_ -> true),
            List.of(),
            Main.class);
    assertThat(result.output()).contains(WAITED);
    assertThat(result.exitStatus()).isZero();
  }
}
