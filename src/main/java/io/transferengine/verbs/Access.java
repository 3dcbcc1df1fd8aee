// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;

/** The rights of a registration or a queue pair, as bits to combine: {@code ibv_reg_mr(3)}. */
public final class Access {
  /** The device may write into the memory on behalf of our own requests; needed for reads. */
  public static final int LOCAL_WRITE = Ibv.IBV_ACCESS_LOCAL_WRITE();

  /** Peers may write; needs {@link #LOCAL_WRITE}. */
  public static final int REMOTE_WRITE = Ibv.IBV_ACCESS_REMOTE_WRITE();

  /** Peers may read. */
  public static final int REMOTE_READ = Ibv.IBV_ACCESS_REMOTE_READ();

  /** Peers may use atomic operations; needs {@link #LOCAL_WRITE}. */
  public static final int REMOTE_ATOMIC = Ibv.IBV_ACCESS_REMOTE_ATOMIC();

  /**
   * The device may write to the host's memory in another order than that of arrival. Optional:
   * devices that cannot do it ignore it.
   */
  public static final int RELAXED_ORDERING = Ibv.IBV_ACCESS_RELAXED_ORDERING();

  private Access() {}
}
