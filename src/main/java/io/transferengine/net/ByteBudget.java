// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Limits the bytes that strangers can make us hold: all strangers together, and each address.
 * Thread-safe.
 */
public final class ByteBudget {
  private final String limitName;
  private final long limitBytes;
  private final String perPeerName;
  private final long perPeerBytes;

  /** Only addresses that hold something are in it, so the budget bounds their number too. */
  private final Map<InetAddress, Long> heldByPeer = new HashMap<>();

  private long heldBytes;

  /**
   * Creates a budget of which nothing is taken.
   *
   * @param limitName names {@code limitBytes} in error texts
   * @param perPeerName names {@code perPeerBytes} in error texts
   */
  public ByteBudget(String limitName, long limitBytes, String perPeerName, long perPeerBytes) {
    this.limitName = limitName;
    this.limitBytes = limitBytes;
    this.perPeerName = perPeerName;
    this.perPeerBytes = Math.min(perPeerBytes, limitBytes);
  }

  /**
   * Takes bytes from the budget.
   *
   * @return empty if there was room; else why there was none, with the limit's name, and nothing
   *     was taken
   */
  public synchronized Optional<String> reserve(InetAddress peer, long bytes) {
    long ofPeer = heldByPeer.getOrDefault(peer, 0L);
    if (bytes > perPeerBytes - ofPeer) {
      return Optional.of(text(bytes, ofPeer, peer.getHostAddress(), perPeerBytes, perPeerName));
    }
    if (bytes > limitBytes - heldBytes) {
      return Optional.of(text(bytes, heldBytes, "all peers together", limitBytes, limitName));
    }
    heldByPeer.merge(peer, bytes, Long::sum);
    heldBytes += bytes;
    return Optional.empty();
  }

  private static String text(long bytes, long held, String who, long limit, String name) {
    return "%d more bytes are needed, but %d of %d are taken by %s (%s)"
        .formatted(bytes, held, limit, who, name);
  }

  /** Gives back bytes that were taken. */
  public synchronized void release(InetAddress peer, long bytes) {
    heldByPeer.computeIfPresent(peer, (key, held) -> held <= bytes ? null : held - bytes);
    heldBytes -= bytes;
  }

  /** {@return the bytes that are taken now} */
  public synchronized long heldBytes() {
    return heldBytes;
  }
}
