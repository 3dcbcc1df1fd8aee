// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import java.util.Arrays;

/**
 * The peer of a queue pair and the route to it: the attributes of {@code ibv_modify_qp(3)} for the
 * step to state RTR.
 *
 * @param pathMtuBytes the packet size: 256, 512, 1024, 2048 or 4096; the same on both sides
 * @param peerQueuePairNumber the peer's {@link QueuePair#number}
 * @param peerPsn the first packet number that the peer sends, 24 bits
 * @param maxReadAtomicAsTarget the most reads of the peer that are served at once, 0 to 255
 * @param minRnrTimer a code for how long the peer waits when no receive is posted, 0 to 31
 * @param peerGid the peer's GID, 16 bytes
 * @param localGidIndex the index of our GID that is the source, 0 to 255
 * @param hopLimit the most routers that a packet may pass, 0 to 255
 * @param trafficClass the traffic class of packets, 0 to 255
 * @param peerLid the peer's LID, 0 to 65535; 0 on Ethernet
 * @param serviceLevel the service level of packets, 0 to 15
 * @param port our port, 1 to 255
 * @param global whether the peer is addressed by its GID; always true on Ethernet
 */
@SuppressWarnings("ArrayRecordComponent") // a GID is 16 bytes everywhere; the constructor copies it
public record ReadyToReceive(
    int pathMtuBytes,
    int peerQueuePairNumber,
    int peerPsn,
    int maxReadAtomicAsTarget,
    int minRnrTimer,
    byte[] peerGid,
    int localGidIndex,
    int hopLimit,
    int trafficClass,
    int peerLid,
    int serviceLevel,
    int port,
    boolean global) {
  private static final int GID_BYTES = 16;

  /**
   * Checks the ranges, since C would cut values that do not fit.
   *
   * @throws IllegalArgumentException if a value is out of its range, with its name
   */
  public ReadyToReceive {
    Mtu.rawOf(pathMtuBytes);
    Ranges.require("peer queue pair number", peerQueuePairNumber, 0, 0xffffff);
    Ranges.require("peer packet sequence number", peerPsn, 0, 0xffffff);
    Ranges.require("reads served at once", maxReadAtomicAsTarget, 0, 0xff);
    Ranges.require("minimal RNR timer", minRnrTimer, 0, 31);
    Ranges.require("length of the peer's GID", peerGid.length, GID_BYTES, GID_BYTES);
    Ranges.require("local GID index", localGidIndex, 0, 0xff);
    Ranges.require("hop limit", hopLimit, 0, 0xff);
    Ranges.require("traffic class", trafficClass, 0, 0xff);
    Ranges.require("peer LID", peerLid, 0, 0xffff);
    Ranges.require("service level", serviceLevel, 0, 15);
    Ranges.require("port", port, 1, 0xff);
    peerGid = Arrays.copyOf(peerGid, GID_BYTES);
  }
}
