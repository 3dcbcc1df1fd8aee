// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import java.util.Optional;

@SuppressWarnings("DoNotCallSuggester") // while the bodies are missing
final class MessageCodec {
  private MessageCodec() {}

  static byte[] encode(HandshakeDescriptor descriptor) {
    throw new UnsupportedOperationException();
  }

  static Optional<HandshakeDescriptor> decodeHandshake(byte[] json) {
    throw new UnsupportedOperationException();
  }

  static byte[] encode(NotifyMessage message) {
    throw new UnsupportedOperationException();
  }

  static NotifyMessage decodeNotify(byte[] json) {
    throw new UnsupportedOperationException();
  }

  static byte[] encode(RpcMetaRecord rpcMeta) {
    throw new UnsupportedOperationException();
  }

  static RpcMetaRecord decodeRpcMeta(byte[] json) {
    throw new UnsupportedOperationException();
  }

  static void requireWellFormed(byte[] json) {
    throw new UnsupportedOperationException();
  }
}
