// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.net.Shares;
import io.transferengine.transfer.HostPort;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Optional;

/**
 * Finds out whether the engine that a record names is alive. It sends a Probe (protocol section
 * 5.1). Engines that do not know Probe close the connection, which is a sign of life as well.
 * Thread-safe; waits on the calling thread.
 */
final class OwnerProbe {
  /** C++ engines wait 3 s for the answer to their PUT. */
  private static final int TIMEOUT_MILLIS = 1000;

  /**
   * Every client that can write records can make us send Probes. So their number at once is
   * limited, also for each address.
   */
  static final int AT_ONCE = 32;

  /** Length (little-endian), type 3, {@code {}} and a newline. */
  private static final byte[] PROBE = {4, 0, 0, 0, 0, 0, 0, 0, 3, '{', '}', '\n'};

  private final Shares slots = new Shares(AT_ONCE);
  private final int timeoutMillis;

  OwnerProbe() {
    this(TIMEOUT_MILLIS);
  }

  OwnerProbe(int timeoutMillis) {
    this.timeoutMillis = timeoutMillis;
  }

  /**
   * {@return whether the address answers; empty if too many Probes are under way}
   *
   * @param client who wants to know; one address gets half of the Probes
   */
  Optional<Boolean> isAlive(HostPort owner, InetAddress client) {
    if (!slots.take(client)) {
      return Optional.empty();
    }
    try (Socket socket = new Socket()) {
      socket.connect(
          new InetSocketAddress(InetAddress.getByName(owner.host()), owner.port()), timeoutMillis);
      socket.setSoTimeout(timeoutMillis);
      return Optional.of(answers(socket));
    } catch (IOException e) {
      return Optional.of(false);
    } finally {
      slots.giveBack(client);
    }
  }

  /**
   * It has accepted the connection. Any reaction to the Probe is a sign of life; only silence is
   * not.
   */
  private static boolean answers(Socket socket) {
    try {
      socket.getOutputStream().write(PROBE);
      InputStream in = socket.getInputStream();
      int _ = in.read();
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }
}
