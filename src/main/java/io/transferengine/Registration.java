// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.access.AccessRights;
import io.transferengine.engine.EngineCore;
import io.transferengine.memory.Region;

/**
 * The caller's own memory, which peers may reach and transfers may use until {@link #close()}. The
 * caller must keep it mapped that long. Thread-safe.
 */
public final class Registration implements AutoCloseable {
  private final EngineCore core;
  private final long address;
  private final long length;
  private final String location;
  private final AccessRights rights;
  private final GivingBack givingBack = new GivingBack();

  Registration(EngineCore core, Region region) {
    this.core = core;
    this.address = region.address();
    this.length = region.length();
    this.location = region.location();
    this.rights = region.rights();
  }

  /** {@return the first byte's address} */
  public long address() {
    return address;
  }

  /** {@return the length in bytes} */
  public long length() {
    return length;
  }

  /**
   * {@return where the memory is, as peers are told: as it was registered, or {@code cuda:N} if it
   * was found to be a device's}
   */
  public String location() {
    return location;
  }

  /** {@return what peers may do with the memory} */
  public AccessRights rights() {
    return rights;
  }

  /** {@return the address, the length, what peers may do unless it is all, whether it is closed} */
  @Override
  public String toString() {
    return "Registration of %d bytes at 0x%x%s%s"
        .formatted(
            length,
            address,
            rights == AccessRights.READ_WRITE ? "" : ", which peers may " + rights.text(),
            givingBack.isDone() ? ", closed" : "");
  }

  /**
   * Ends the registration. Transfers over it get a second to end, then they fail. When this
   * returns, nothing touches the memory any more. Idempotent. Does nothing once the engine is
   * closed, which ends the registration itself.
   *
   * @throws io.transferengine.transfer.TransferException if the memory is still in use some seconds
   *     later, or a device keeps it. Then it must stay mapped until this is called again and
   *     succeeds, or the engine is closed
   */
  @Override
  public void close() {
    givingBack.run(() -> core.giveBack(() -> core.memory().unregister(address)));
  }
}
