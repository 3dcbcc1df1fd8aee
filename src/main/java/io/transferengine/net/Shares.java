// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts something of which there is little, which peers have us take: all of them together get so
 * many, and one address gets half of them. Thread-safe.
 */
public final class Shares {
  private final int limit;
  private final int limitPerAddress;
  private final Map<InetAddress, Integer> taken = new HashMap<>();
  private int count;

  /**
   * None is taken.
   *
   * @param limit positive
   */
  public Shares(int limit) {
    this.limit = limit;
    limitPerAddress = limit - limit / 2;
  }

  /** Takes one for an address; {@return whether there was one, which is then to be given back} */
  public synchronized boolean take(InetAddress address) {
    int own = taken.getOrDefault(address, 0);
    if (count == limit || own == limitPerAddress) {
      return false;
    }
    taken.put(address, own + 1);
    count++;
    return true;
  }

  /** Gives one back that was taken for an address. */
  public synchronized void giveBack(InetAddress address) {
    var _ = taken.computeIfPresent(address, (_, own) -> own == 1 ? null : own - 1);
    count--;
  }
}
