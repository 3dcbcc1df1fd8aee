// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/** What goes over checked connections, by the protocol page and none of our own code. */
final class CheckedFrames {
  static final long MARK = 0x4b43_4843_4554_5f7fL;
  private static final long OK = 0x4d43_5456_0000_0000L;

  static byte[] join(byte[]... parts) {
    ByteBuffer all = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(part -> part.length).sum());
    Arrays.stream(parts).forEach(all::put);
    return all.array();
  }

  static byte[] sum(byte[]... of) {
    CRC32C crc = new CRC32C();
    Arrays.stream(of).forEach(crc::update);
    return little(4).putInt((int) crc.getValue()).array();
  }

  static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  static byte[] header(long size, long address, int opcode) {
    byte[] summed = little(20).putLong(size).putLong(address).putInt(opcode).array();
    return join(summed, sum(summed));
  }

  static byte[] status(int code) {
    byte[] frame = little(8).putLong(OK | code).array();
    return join(frame, sum(frame));
  }

  static byte[] helloAnswer(int code, long incarnation) {
    byte[] frame = little(16).putLong(OK | code).putLong(incarnation).array();
    return join(frame, sum(frame));
  }

  static long incarnation(TestEngine engine) {
    String text =
        engine.engine.core().describe(engine.engine.segmentName()).incarnation().orElseThrow();
    return HexFormat.fromHexDigitsToLong(text);
  }

  /** {@return a connection that is checked from now on} */
  static RawInitiator greeted(TestEngine engine) throws IOException {
    long own = incarnation(engine);
    RawInitiator peer = RawInitiator.to(engine.engine.rpcPort());
    peer.send(header(MARK, own, 0xe3));
    assertThat(peer.receive(20)).isEqualTo(helloAnswer(0, own));
    return peer;
  }

  private CheckedFrames() {}
}
