// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.logging.SystemError;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.Serial;

/**
 * The metadata service cannot be reached or did not answer in time. Nothing is known about the
 * record.
 */
public final class MetadataUnavailableException extends TransferException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the failure of one call.
   *
   * @param service the service in words
   * @param why the reason
   * @param cause the exception that says so
   */
  public MetadataUnavailableException(String service, String why, Throwable cause) {
    super(
        ErrorCode.METADATA,
        "The metadata service (" + service + ") cannot be reached: " + why,
        SystemError.remedy(
            cause, "Is it running, and is the address right? Known peers stay reachable meanwhile"),
        cause);
  }
}
