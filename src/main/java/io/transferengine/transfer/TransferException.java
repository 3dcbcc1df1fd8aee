// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.io.Serial;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The only exception of the typed API: misuse, a failed call, or the reason why a {@code Transfer}
 * failed. Its text names the value at fault and ends with the remedy.
 *
 * <p>The constructors are for those who write a client of a metadata service or a transport.
 */
public sealed class TransferException extends RuntimeException permits ConfigurationException {
  @Serial private static final long serialVersionUID = 1L;

  /** What kind of failure. */
  private final ErrorCode code;

  /** The remedy; may be empty. */
  private final String remedy;

  /** The peer, if any. */
  private final @Nullable String peer;

  /** The network device at fault, if any. */
  private final @Nullable String device;

  /**
   * For a failure without another exception as its cause.
   *
   * @param code what kind of failure
   * @param message what happened, naming the value at fault; one sentence without a final stop
   * @param remedy what the reader can do about it; empty for nothing
   */
  public TransferException(ErrorCode code, String message, String remedy) {
    this(code, message, remedy, null, null, null);
  }

  /**
   * As above, caused by another exception.
   *
   * @param code what kind of failure
   * @param message what happened, naming the value at fault; one sentence without a final stop
   * @param remedy what the reader can do about it; empty for nothing
   * @param cause the exception underneath
   */
  public TransferException(ErrorCode code, String message, String remedy, Throwable cause) {
    this(code, message, remedy, null, null, cause);
  }

  private TransferException(
      ErrorCode code,
      String message,
      String remedy,
      @Nullable String peer,
      @Nullable String device,
      @Nullable Throwable cause) {
    super(remedy.isEmpty() ? message : message + ". " + remedy, cause);
    this.code = code;
    this.remedy = remedy;
    this.peer = peer;
    this.device = device;
  }

  /**
   * {@return a failure with a peer; the text starts with the peer's name}
   *
   * @param peer the peer's segment name, or its host and port
   * @param code what kind of failure
   * @param message what happened, naming the value at fault; one sentence without a final stop
   * @param remedy what the reader can do about it; empty for nothing
   * @param cause the exception underneath, if any
   */
  public static TransferException withPeer(
      String peer, ErrorCode code, String message, String remedy, @Nullable Throwable cause) {
    return new TransferException(code, peer + ": " + message, remedy, peer, null, cause);
  }

  /**
   * {@return a failure of a network device; the text starts with the device's name}
   *
   * @param device the device's name, such as {@code mlx5_0}
   * @param code what kind of failure
   * @param message what happened, naming the value at fault; one sentence without a final stop
   * @param remedy what the reader can do about it; empty for nothing
   * @param cause the exception underneath, if any
   */
  public static TransferException withDevice(
      String device, ErrorCode code, String message, String remedy, @Nullable Throwable cause) {
    return new TransferException(code, device + ": " + message, remedy, null, device, cause);
  }

  /** {@return what kind of failure} */
  public ErrorCode code() {
    return code;
  }

  /** {@return what the reader can do about it; may be empty} */
  public String remedy() {
    return remedy;
  }

  /** {@return the peer that was spoken to, where there was one} */
  public Optional<String> peer() {
    return Optional.ofNullable(peer);
  }

  /** {@return the network device at fault, where there was one} */
  public Optional<String> device() {
    return Optional.ofNullable(device);
  }
}
