// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.util.Optional;

/** The small records: Connection, Notify and rpc_meta (protocol sections 3 and 5). */
final class MessageCodec {
  /** Our own member; C++ readers pass over it. */
  private static final String MTU = "te_mtu";

  /** Our own member; C++ readers pass over it. */
  private static final String ASK = "te_ask";

  /** Our own member; C++ readers pass over it. */
  private static final String SLOTS = "te_slots";

  /** Our own member of a notification; C++ readers pass over it. */
  private static final String TRACE_PARENT = "te_traceparent";

  /** The largest MTU of InfiniBand. */
  private static final int MTU_MAX_BYTES = 4096;

  private MessageCodec() {}

  static byte[] encode(HandshakeDescriptor descriptor) {
    for (long number : descriptor.qpNums()) {
      if (number < 0 || number > DescriptorRules.UINT32_MAX) {
        throw new TransferException(
            ErrorCode.INVALID_ARGUMENT,
            "queue pair number " + number + " does not fit in 32 bits",
            "");
      }
    }
    JsonWriter out = new JsonWriter(512);
    out.beginObject().member("local_gid").value(descriptor.localGid());
    out.member("local_lid").unsigned(descriptor.localLid() & 0xffff);
    out.member("local_nic_path").value(descriptor.localNicPath());
    out.member("payload").value(descriptor.payload());
    out.member("peer_nic_path").value(descriptor.peerNicPath());
    SegmentCodec.writeNumbers(out.member("qp_num"), descriptor.qpNums());
    descriptor.readyAck().ifPresent(ready -> out.member("ready_ack").value(ready));
    out.member("reply_msg").value(descriptor.replyMessage());
    if (descriptor.activeMtuBytes() != 0) {
      out.member(MTU).unsigned(descriptor.activeMtuBytes());
    }
    if (descriptor.ask() != 0) {
      out.member(ASK).unsigned(descriptor.ask());
    }
    descriptor.host().ifPresent(host -> HostCodec.write(out, host));
    if (descriptor.slots() != 0) {
      out.member(SLOTS).unsigned(descriptor.slots());
    }
    out.endObject();
    return out.toBytes();
  }

  static Optional<HandshakeDescriptor> decodeHandshake(byte[] json) {
    return JsonReader.parse(
        json,
        "the Connection message",
        in -> in.beginObject() ? Optional.of(readHandshake(in)) : Optional.empty());
  }

  private static HandshakeDescriptor readHandshake(JsonReader in) throws IOException {
    HandshakeDescriptor.Draft draft = new HandshakeDescriptor.Draft();
    for (String member = in.nextMember(); member != null; member = in.nextMember()) {
      switch (member) {
        case "local_nic_path" -> draft.localNicPath = in.text();
        case "peer_nic_path" -> draft.peerNicPath = in.text();
        case "qp_num" -> draft.qpNums = SegmentCodec.readNumbers(in);
        case "reply_msg" -> draft.replyMessage = in.text();
        case "local_lid" -> draft.localLid = in.unsignedInt(65_535);
        case "local_gid" -> draft.localGid = in.text();
        case "ready_ack" ->
            draft.readyAck = in.isNull() ? Optional.empty() : Optional.of(in.flag());
        case "payload" -> draft.payload = in.text();
        case "ctrl_channel", "msg_channel" -> draft.twoSided |= !in.isNull() && in.flag();
        case HostCodec.HOST -> draft.host = HostCodec.read(in);
        case ASK -> draft.ask = in.unsignedIfOne(Long.MAX_VALUE);
        case SLOTS -> draft.slots = in.unsignedIfOne(Long.MAX_VALUE);
        case MTU -> draft.activeMtuBytes = in.unsignedInt(MTU_MAX_BYTES);
        default -> in.skip();
      }
    }
    return draft.descriptor();
  }

  static byte[] encode(NotifyMessage message) {
    JsonWriter out = new JsonWriter(160 + message.name().length() + message.message().length());
    out.beginObject().member("name").value(message.name());
    out.member("notify_msg").value(message.message());
    if (message.traceParent().isPresent()) {
      out.member(TRACE_PARENT).value(message.traceParent().get().toString());
    }
    out.endObject();
    return out.toBytes();
  }

  static NotifyMessage decodeNotify(byte[] json, Runnable malformedTrace) {
    return JsonReader.parse(
        json,
        "the notification",
        in -> {
          String name = "";
          String message = "";
          Optional<TraceParent> traceParent = Optional.empty();
          boolean isMalformed = false;
          if (in.beginObject()) {
            for (String member = in.nextMember(); member != null; member = in.nextMember()) {
              switch (member) {
                case "name" -> name = in.text();
                case "notify_msg" -> message = in.text();
                case TRACE_PARENT -> {
                  boolean isNone = in.isNull();
                  // A hint: a notification with another value is as good as one without.
                  traceParent = TraceParent.find(in.textIfOne());
                  isMalformed = !isNone && traceParent.isEmpty();
                }
                default -> in.skip();
              }
            }
          }
          if (isMalformed) {
            malformedTrace.run();
          }
          return new NotifyMessage(name, message, traceParent);
        });
  }

  static byte[] encode(RpcMetaRecord rpcMeta) {
    JsonWriter out = new JsonWriter(64 + rpcMeta.host().length());
    out.beginObject().member("ip_or_host_name").value(rpcMeta.host());
    if (rpcMeta.metadataVersion() != 0) {
      out.member(SegmentCodec.METADATA_VERSION).unsigned(rpcMeta.metadataVersion());
    }
    out.member("rpc_port").unsigned(rpcMeta.port()).endObject();
    return out.toBytes();
  }

  static RpcMetaRecord decodeRpcMeta(byte[] json) {
    return JsonReader.parse(
        json,
        "the rpc_meta record",
        in -> {
          String host = "";
          int port = 0;
          long version = 0;
          if (in.beginObject()) {
            for (String member = in.nextMember(); member != null; member = in.nextMember()) {
              switch (member) {
                case "ip_or_host_name" -> host = in.text();
                case "rpc_port" -> port = in.unsignedInt(65_535);
                case SegmentCodec.METADATA_VERSION -> version = in.unsigned(Long.MAX_VALUE);
                default -> in.skip();
              }
            }
          }
          return new RpcMetaRecord(host, port, version);
        });
  }

  static void requireWellFormed(byte[] json) {
    JsonReader.parse(
        json,
        "the message",
        in -> {
          in.skip();
          return true;
        });
  }
}
