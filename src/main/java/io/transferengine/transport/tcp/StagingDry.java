// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * There is no staging for what was to be done now: it has to wait until some comes back. No fault
 * of the connection; it has no stack trace, since it is thrown where a stranger may cause it often.
 */
final class StagingDry extends RuntimeException {
  private static final long serialVersionUID = 1;

  StagingDry() {
    super("the staging memory of this event loop (TE_STAGING_BYTES) is in use", null, false, false);
  }
}
