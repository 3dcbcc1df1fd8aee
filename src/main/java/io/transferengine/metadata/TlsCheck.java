// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.logging.Printable;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.net.Resolver;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;

/**
 * Makes one TLS handshake with a service, on a socket of its own, before the first call. The
 * time-outs of the clients count our own work as well: on a slow machine, a certificate that cannot
 * be trusted would be reported as "no answer in time". A socket's time-out counts only the wait for
 * the other side. Stateless.
 */
public final class TlsCheck {
  private TlsCheck() {}

  /**
   * {@return whether the handshake succeeded; false if the service does not listen}
   *
   * @param service the service in words
   * @param timeout how long the service may take for each step
   * @throws TransferException METADATA if either side refuses the other's certificate;
   *     METADATA_UNAVAILABLE if the service is silent
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
      throw MetadataStore.unavailable(
          service, "no answer in time while the TLS connection was made", e);
    } catch (SSLException e) {
      throw failed(service, e);
    } catch (IOException e) {
      throw MetadataStore.unavailable(
          service, "TLS: " + Printable.of(String.valueOf(e.getMessage()), 300), e);
    }
  }

  /**
   * {@return that the handshake with a service failed, with the remedy}
   *
   * @param service the service in words
   */
  public static TransferException failed(String service, Throwable cause) {
    String said = Printable.of(String.valueOf(cause.getMessage()), 300);
    boolean isPlain =
        said.contains("unexpected_message")
            || said.contains("Unsupported or unrecognized SSL message")
            || said.contains("terminated the handshake");
    return new TransferException(
        ErrorCode.METADATA,
        "The TLS handshake with the metadata service (%s) failed: %s".formatted(service, said),
        isPlain
            ? "It seems to speak no TLS there: is the scheme of the address right, and has the"
                + " service a certificate (./te metadata-server: --tls-cert)?"
            : "TE_METADATA_TLS_CA names the authorities that may have signed its certificate,"
                + " TE_METADATA_TLS_CERT and _KEY name our own certificate",
        cause);
  }

  private static InetAddress resolve(String host, int millis) throws IOException {
    try {
      return Resolver.addresses(host, millis)[0];
    } catch (TimeoutException e) {
      throw new IOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
