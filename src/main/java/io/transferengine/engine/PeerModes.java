// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.WarnLimiter;
import io.transferengine.tls.PeerTls;
import io.transferengine.tls.TlsCauses;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.util.List;
import org.slf4j.LoggerFactory;

/**
 * What peers' records say of TLS, compared with what we do. A record is a claim: here it can only
 * refuse a peer, sooner and in plainer words than its port would. What a connection has to prove is
 * decided by our own options alone. Thread-safe.
 */
final class PeerModes {
  private final PeerTls tls;

  /** Whoever runs the engine has to hear of it, also if a caller passes the exception over. */
  private final WarnLimiter warnings = new WarnLimiter(LoggerFactory.getLogger(PeerModes.class));

  PeerModes(PeerTls tls) {
    this.tls = tls;
  }

  /** {@return what our own record says} */
  int ours() {
    if (!tls.isOn()) {
      return SegmentDescriptor.TLS_NOBODY;
    }
    return tls.isForAll() ? SegmentDescriptor.TLS_ALL : SegmentDescriptor.TLS_MOST;
  }

  /**
   * Refuses a peer that cannot be spoken with, if its record is true.
   *
   * @param segment the name that it was opened by
   * @param addresses of its data port
   * @throws TransferException SOCKET, as when connecting fails
   */
  void require(String segment, SegmentDirectory.Found peer, List<InetAddress> addresses) {
    int theirs = peer.descriptor().tls();
    boolean some = isForAny(addresses);
    boolean all = addresses.stream().allMatch(tls::isFor);
    if (!peer.descriptor().tcpDataHost().isEmpty()) {
      // Our list of plain peers may have one of both.
      List<InetAddress> rpc = EngineNames.addresses(peer.host(), false);
      some |= isForAny(rpc);
      all &= rpc.stream().allMatch(tls::isFor);
    }
    if (theirs == SegmentDescriptor.TLS_ALL && !some) {
      TransferException refusal =
          tls.isOn()
              ? refusal(
                  segment,
                  "it wants TLS, and its address is in TE_TLS_PLAIN_PEERS here",
                  "Take it out of that list")
              : refusal(segment, TlsCauses.wanted(), TlsCauses.wantedRemedy());
      warnings.warn(String.valueOf(refusal.getMessage()));
      throw refusal;
    }
    if (theirs == SegmentDescriptor.TLS_NOBODY && all) {
      throw refusal(segment, tls.gaveUp(segment, TlsCauses.plain()), "");
    }
  }

  private boolean isForAny(List<InetAddress> addresses) {
    return addresses.stream().anyMatch(tls::isFor);
  }

  private static TransferException refusal(String segment, String text, String remedy) {
    return TransferException.withPeer(segment, ErrorCode.SOCKET, text, remedy, null);
  }
}
