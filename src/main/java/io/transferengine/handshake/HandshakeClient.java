// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.metadata.HandshakeDescriptor;
import io.transferengine.metadata.NotifyMessage;
import io.transferengine.metadata.SegmentDescriptor;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.time.Duration;

/**
 * Asks a peer's handshake daemon (protocol section 5.2). Every call runs on its caller's thread,
 * best a virtual one, on a connection of its own that is closed as soon as the reply is read: C++
 * listeners serve one client at a time. Thread-safe; holds nothing between calls.
 *
 * <p>A call ends within the time given to it. Interrupting its thread ends it at once; the flag
 * stays set. Every failure is a {@link TransferException} that names the peer: DNS when its name
 * does not resolve, SOCKET when the connection cannot be made, breaks, or carries a reply of
 * another type, MALFORMED_JSON and METADATA for what the reply holds.
 */
@SuppressWarnings("DoNotCallSuggester") // while the bodies are missing
public final class HandshakeClient {
  /** The C++ engine's {@code MC_HANDSHAKE_CONNECT_TIMEOUT}. */
  public static final Duration CONNECT_TIMEOUT_DEFAULT = Duration.ofSeconds(5);

  /** How long a peer may take for a byte of its reply, as in C++. */
  public static final Duration READ_TIMEOUT = Duration.ofSeconds(60);

  /**
   * @param connectTimeout bounds name resolution and connecting, all of the peer's addresses
   *     together
   * @param maxFrameLengthBytes the longest reply that is read
   */
  public HandshakeClient(Duration connectTimeout, int maxFrameLengthBytes) {
    FrameCodec.requireMaxLength(maxFrameLengthBytes);
  }

  /**
   * Asks for a peer's descriptor. While it answers {@code null}, being about to start, it is asked
   * again.
   *
   * @param own our descriptor, sent without its buffers
   * @return a descriptor of a protocol that we speak
   * @throws TransferException also METADATA when the peer still answers {@code null} at the end of
   *     {@code timeout}, or offers no protocol that we speak
   */
  public SegmentDescriptor fetchMetadata(HostPort peer, SegmentDescriptor own, Duration timeout) {
    throw new UnsupportedOperationException();
  }

  /**
   * Sends a notification.
   *
   * @throws TransferException also METADATA when the peer did not take it
   */
  public void notify(HostPort peer, NotifyMessage message, Duration timeout) {
    throw new UnsupportedOperationException();
  }

  /** Returns when the peer gave a sign of life, and throws when it did not. */
  public void probe(HostPort peer, Duration timeout) {
    throw new UnsupportedOperationException();
  }

  /**
   * Sends a Connection message.
   *
   * @return the reply, whose members may be empty (protocol section 5.4 step 4, and peers without
   *     RDMA)
   * @throws TransferException also METADATA when the reply's {@code reply_msg} refuses, with it
   */
  public HandshakeDescriptor connect(HostPort peer, HandshakeDescriptor request, Duration timeout) {
    throw new UnsupportedOperationException();
  }
}
