// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.RpcMetaRecord;
import java.util.Optional;

/** The registered engines, as JSON for people and scripts. */
final class SegmentList {
  private static final String RPC_META = "rpc_meta/";

  private SegmentList() {}

  /**
   * {@return <code>{"segments":[{"key","name","address","age_seconds"}]}</code>, with an empty
   * address for a record that cannot be read}
   *
   * @throws HttpRefusal if there is no room for it
   */
  static byte[] json(RecordTable records, HeldBytes.Held held) throws HttpRefusal {
    ListText list = new ListText(held, ",", "{\"segments\":[", "]}\n");
    for (String key : list.keys(records)) {
      int at = key.indexOf(RPC_META);
      Optional<RecordTable.Entry> entry = at < 0 ? Optional.empty() : records.get(key);
      if (entry.isPresent()) {
        list.add(
            "{\"key\":%s,\"name\":%s,\"address\":%s,\"age_seconds\":%d}"
                .formatted(
                    MetadataCodec.quote(key),
                    MetadataCodec.quote(key.substring(at + RPC_META.length())),
                    MetadataCodec.quote(address(entry.get())),
                    records.ageSeconds(entry.get())));
      }
    }
    return list.bytes();
  }

  private static String address(RecordTable.Entry entry) {
    try {
      RpcMetaRecord record = MetadataCodec.decodeRpcMeta(entry.value);
      return record.host() + ":" + record.port();
    } catch (TransferException e) {
      return "";
    }
  }
}
