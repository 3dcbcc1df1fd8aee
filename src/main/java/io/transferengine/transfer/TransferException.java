// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.io.Serial;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The one exception of the typed API: misuse, a failed control operation, or the cause that a
 * {@link Transfer} ended with. Its text names the value at fault and ends with the remedy. Not to
 * be extended outside of this library.
 */
public class TransferException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /** What kind of failure. */
  private final ErrorCode code;

  /** What the reader can do about it; may be empty. */
  private final String remedy;

  /** The peer that was spoken to, where there was one. */
  private final @Nullable String peer;

  /** The network device at fault, where there was one. */
  private final @Nullable String device;

  /**
   * A failure that has no other exception behind it.
   *
   * @param code what kind of failure
   * @param message what happened, naming the value at fault; one sentence without a final stop
   * @param remedy what the reader can do about it; empty when there is nothing
   */
  public TransferException(ErrorCode code, String message, String remedy) {
    this(code, message, remedy, null, null, null);
  }

  /**
   * As above, caused by another exception.
   *
   * @param code what kind of failure
   * @param message what happened, naming the value at fault; one sentence without a final stop
   * @param remedy what the reader can do about it; empty when there is nothing
   * @param cause what was thrown underneath
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
   * {@return a failure in talking to {@code peer}, whose text starts with its name}
   *
   * @param peer the segment name or host and port that was spoken to
   * @param code what kind of failure
   * @param message what happened, naming the value at fault; one sentence without a final stop
   * @param remedy what the reader can do about it; empty when there is nothing
   * @param cause what was thrown underneath, if anything
   */
  public static TransferException withPeer(
      String peer, ErrorCode code, String message, String remedy, @Nullable Throwable cause) {
    return new TransferException(code, peer + ": " + message, remedy, peer, null, cause);
  }

  /**
   * {@return a failure of the network device {@code device}, whose text starts with its name}
   *
   * @param device the device's name, such as {@code mlx5_0}
   * @param code what kind of failure
   * @param message what happened, naming the value at fault; one sentence without a final stop
   * @param remedy what the reader can do about it; empty when there is nothing
   * @param cause what was thrown underneath, if anything
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
