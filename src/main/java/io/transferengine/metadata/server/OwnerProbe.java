// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.transfer.HostPort;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/**
 * Asks whether the engine lives that a record names, by a Probe (protocol section 5.1): engines
 * that do not know it close the connection, which is a sign of life as well. Thread-safe; waits on
 * the calling thread.
 */
final class OwnerProbe {
  /** C++ engines give a PUT 3 s in all. */
  private static final int TIMEOUT_MILLIS = 1000;

  /** Whoever can write records can make us ask: so many at once. */
  private static final int AT_ONCE = 32;

  /** Length (little-endian), type 3, {@code {}} and a newline. */
  private static final byte[] PROBE = {4, 0, 0, 0, 0, 0, 0, 0, 3, '{', '}', '\n'};

  private final Semaphore slots = new Semaphore(AT_ONCE);

  /** {@return whether something at the address answers; empty when too many are asked} */
  Optional<Boolean> isAlive(HostPort owner) {
    if (!slots.tryAcquire()) {
      return Optional.empty();
    }
    try (Socket socket = new Socket()) {
      socket.connect(
          new InetSocketAddress(InetAddress.getByName(owner.host()), owner.port()), TIMEOUT_MILLIS);
      socket.setSoTimeout(TIMEOUT_MILLIS);
      return Optional.of(answers(socket));
    } catch (IOException e) {
      return Optional.of(false);
    } finally {
      slots.release();
    }
  }

  /** It has accepted: what it does with the question tells nothing more, unless it is silent. */
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
