// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What a peer publishes says where we may go, and by which address. */
@Timeout(60)
class PublishedRangesTest {
  private static final int LENGTH = 65_536;

  /** C++ before 0.3.12 does not check, and dies. */
  @ParameterizedTest
  @CsvSource({
    "WRITE,65526,4096",
    "READ,65526,4096",
    "WRITE,-1,1",
    "READ,65536,8",
    "WRITE,0,65537",
    "WRITE,1000000,1"
  })
  void nothingOutsideGoesToAPeerThatDoesNotCheck(Operation operation, int offset, int length)
      throws Exception {
    try (RawTarget target = new RawTarget(1, LENGTH);
        TestEngine here = new TestEngine(2 * LENGTH)) {
      assertCompleted(here.submit(operation, target.name(), RawTarget.BASE, LENGTH));
      Transfer transfer = here.submit(operation, target.name(), RawTarget.BASE + offset, length);
      assertFailed(transfer);
      // There may be more reads of a byte that was written: they confirm the writes of version 1.
      assertThat(target.requests)
          .allSatisfy(
              request ->
                  assertThat(request.address())
                      .isBetween(
                          RawTarget.BASE, RawTarget.BASE + LENGTH - Math.max(1, request.size())));
      assertThat(transfer.failure().orElseThrow())
          .hasMessageContaining(
              "%d bytes at 0x%x are not wholly inside one buffer that it publishes; the nearest has"
                      .formatted(length, RawTarget.BASE + offset)
                  + " 65536 bytes at 0x%x".formatted(RawTarget.BASE))
          .hasMessageContaining("tcp_proto_version");
      assertCompleted(here.submit(operation, target.name(), RawTarget.BASE, LENGTH));
    }
  }

  @Test
  void oneBadBlockKeepsTheBatchAtHome() throws Exception {
    try (RawTarget target = new RawTarget(1, LENGTH);
        TestEngine here = new TestEngine(LENGTH)) {
      long[] local = {here.address(), here.address() + 100, here.address() + 200};
      long[] remote = {RawTarget.BASE, RawTarget.BASE + 65_530, RawTarget.BASE + 200};
      assertFailed(
          here.submit(
              Operation.WRITE,
              target.name(),
              BlockColumns.of(local, remote, new long[] {10, 10, 10})));
      assertThat(target.requests).isEmpty();
    }
  }

  /** What was registered after the peer was looked up is found by looking once more. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void whatThePeerHasRegisteredMeanwhileIsReached(Operation operation) throws Exception {
    long further = RawTarget.BASE + (1L << 30);
    try (RawTarget target = new RawTarget(1, LENGTH);
        TestEngine here = new TestEngine(LENGTH)) {
      assertCompleted(here.submit(operation, target.name(), RawTarget.BASE, LENGTH));
      target.addBuffer(further, 4096);
      assertCompleted(here.submit(operation, target.name(), further, 4096));
      assertFailed(here.submit(operation, target.name(), further, 4097));
    }
  }

  /** Version 2 checks by itself, and knows better than an old descriptor: it is asked at once. */
  @Test
  void aPeerThatChecksIsAsked() throws Exception {
    try (RawTarget target = new RawTarget(2, LENGTH);
        TestEngine here = new TestEngine(LENGTH)) {
      Transfer transfer = here.submit(Operation.WRITE, target.name(), RawTarget.BASE + 65_530, 10);
      assertFailed(transfer);
      assertThat(target.requests).isNotEmpty();
    }
  }

  @Test
  void theDataPortMayBeOnAnotherHost() throws Exception {
    try (RawTarget target = new RawTarget(2, LENGTH, "127.0.0.2");
        TestEngine here = new TestEngine(LENGTH)) {
      assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, LENGTH));
      assertThat(target.memory()).isEqualTo(here.bytes(0, LENGTH));
    }
  }
}
