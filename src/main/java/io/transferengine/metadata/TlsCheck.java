// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.logging.Printable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;

/**
 * Shakes hands with a service over TLS once, on a socket of its own, before anything else is asked.
 * The clients' time-outs count our own work as well, so that on a slow machine a certificate that
 * nobody vouches for would be told as "no answer in time". A socket's counts only the wait for the
 * other side. Stateless.
 */
public final class TlsCheck {
  private TlsCheck() {}

  /**
   * {@return whether the handshake went well; false when nobody listens}
   *
   * @param service in words
   * @param timeout how long the service may take for each step
   * @throws TransferException METADATA when the certificate is refused, by either side; {@link
   *     MetadataUnavailableException} when the service is silent
   */
  public static boolean handshake(
      String service, HostPort server, SSLContext tls, Duration timeout) {
    int millis = Math.toIntExact(timeout.toMillis());
    try (Socket plain = new Socket()) {
      try {
        plain.connect(new InetSocketAddress(resolve(server.host(), millis), server.port()), millis);
      } catch (IOException e) {
        return false; // The first call says so.
      }
      plain.setSoTimeout(millis);
      try (SSLSocket socket =
          (SSLSocket)
              tls.getSocketFactory().createSocket(plain, server.host(), server.port(), true)) {
        socket.startHandshake();
        return true;
      }
    } catch (SocketTimeoutException e) {
      throw new MetadataUnavailableException(
          service, "no answer in time while the TLS connection was made", e);
    } catch (SSLException e) {
      throw new TransferException(
          ErrorCode.METADATA,
          "The metadata service (%s) cannot be spoken to over TLS: %s"
              .formatted(service, Printable.of(String.valueOf(e.getMessage()), 300)),
          "TE_METADATA_TLS_CA names who vouches for its certificate, TE_METADATA_TLS_CERT and _KEY"
              + " name ours",
          e);
    } catch (IOException e) {
      throw new MetadataUnavailableException(
          service, "TLS: " + Printable.of(String.valueOf(e.getMessage()), 300), e);
    }
  }

  /** The system's resolver takes no time-out, so it runs on a thread that can be left behind. */
  private static InetAddress resolve(String host, int millis) throws IOException {
    FutureTask<InetAddress> answer = new FutureTask<>(() -> InetAddress.getByName(host));
    Thread.ofVirtual().name("te-resolve").start(answer);
    try {
      return answer.get(millis, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
