// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.access.PeerIdentity;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.RpcMetaRecord;
import java.util.Optional;

/**
 * When a record of somebody else may be changed, so that a crash does not keep a name for ever: if
 * its engine is dead, or if its name belongs to who asks by now. Thread-safe; waits for probes.
 */
final class Ownership {
  /** A key can be read as that of as many names as it has slashes; nobody has so many. */
  private static final int PROBES_MAX = 4;

  private static final String RPC_META = "rpc_meta/";
  private static final String RAM = "ram/";

  private final RecordTable records;
  private final OwnerProbe probe = new OwnerProbe();

  Ownership(RecordTable records) {
    this.records = records;
  }

  /**
   * {@return the record of that key, if somebody else may change it now}
   *
   * @param peer that somebody
   * @throws HttpRefusal if too many engines are being probed at once
   */
  Optional<RecordTable.Entry> abandoned(String key, PeerIdentity peer) throws HttpRefusal {
    Optional<RecordTable.Entry> present = records.get(key);
    if (present.isEmpty()) {
      return present;
    }
    if (key.contains(RPC_META)) {
      return isDead(present.get(), peer) ? present : Optional.empty();
    }
    int probes = 0;
    boolean isNamed = false;
    // Where the cluster ends and the name begins, only an rpc_meta record says.
    for (int slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
      String rest = key.substring(slash + 1);
      String name = rest.startsWith(RAM) ? rest.substring(RAM.length()) : rest;
      Optional<RecordTable.Entry> holder =
          records.get(key.substring(0, slash + 1) + RPC_META + name);
      if (holder.isPresent()) {
        isNamed = true;
        if (!peer.names().containsAll(holder.get().owner)
            && (++probes > PROBES_MAX || !isDead(holder.get(), peer))) {
          return Optional.empty();
        }
      }
    }
    // Without a name's record nobody can be asked: what ends by itself is waited for.
    boolean isLeft = isDescriptor(key) && !present.get().ends();
    return isNamed || isLeft ? present : Optional.empty();
  }

  private static boolean isDescriptor(String key) {
    return key.contains("/" + RAM);
  }

  /**
   * {@return where the engine of an rpc_meta record is, if it is alive; empty if it is dead, or the
   * record is broken, so that nobody can own it}
   *
   * @param peer who asks
   * @throws HttpRefusal if too many engines are being probed at once
   */
  Optional<HostPort> alive(RecordTable.Entry rpcMeta, PeerIdentity peer) throws HttpRefusal {
    HostPort owner;
    try {
      RpcMetaRecord record = MetadataCodec.decodeRpcMeta(rpcMeta.value);
      owner = new HostPort(record.host(), record.port());
    } catch (TransferException e) {
      return Optional.empty();
    }
    boolean alive =
        probe
            .isAlive(owner, peer.address())
            .orElseThrow(
                () ->
                    new HttpRefusal(
                        HttpStatus.BUSY, "too many owners of records are being probed at once"));
    return alive ? Optional.of(owner) : Optional.empty();
  }

  private boolean isDead(RecordTable.Entry rpcMeta, PeerIdentity peer) throws HttpRefusal {
    return alive(rpcMeta, peer).isEmpty();
  }
}
