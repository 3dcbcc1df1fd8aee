// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.logging.SystemError;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * When the first virtual thread waits for a socket, the JDK gets descriptors and threads to watch
 * sockets with. If it cannot get them just then, no virtual thread of the JVM can wait for a socket
 * ever again, and peers could not be looked up any more. So we wait once, when nothing is lost yet.
 */
final class FirstWait {
  private static final Duration TIME = Duration.ofMillis(1);

  private static volatile boolean done;

  private FirstWait() {}

  /**
   * Waits once, for a moment. Without effect when it was done before.
   *
   * @throws TransferException SOCKET if virtual threads cannot wait for sockets
   */
  static void prepare() {
    if (done) {
      return;
    }
    FutureTask<Boolean> waiting = new FutureTask<>(FirstWait::hasWaited);
    Thread thread = Thread.ofVirtual().name("te-first-wait").start(waiting);
    try {
      done = waiting.get();
    } catch (InterruptedException e) {
      thread.interrupt();
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      Throwable why = e.getCause() == null ? e : e.getCause();
      if (why instanceof IOException) {
        return; // Without a socket nothing has begun. The engine needs some, and says so.
      }
      throw new TransferException(
          ErrorCode.SOCKET,
          "No virtual thread of this process can wait for a socket: " + SystemError.text(why),
          "It may have had too few descriptors or threads for a moment, which the JDK does not get"
              + " over. Give it more (ulimit -n, ulimit -u) and start it again",
          why);
    }
  }

  private static boolean hasWaited() throws IOException {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      server.setSoTimeout(Math.toIntExact(TIME.toMillis()));
      server.accept().close();
      return false; // Somebody has come at once.
    } catch (SocketTimeoutException e) {
      return true;
    }
  }
}
