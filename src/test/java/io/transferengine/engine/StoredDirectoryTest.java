// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.MetadataKeys;
import io.transferengine.wire.RpcMetaRecord;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a service still has of a peer that has changed. */
@Timeout(60)
class StoredDirectoryTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final HostPort RPC = new HostPort("10.0.0.2", 15_123);
  private static final String NAME = "peer";

  private final Map<String, byte[]> records = new HashMap<>();
  private final List<HostPort> asked = new ArrayList<>();
  private final MetadataKeys keys = MetadataKeys.ofCluster("");
  private Optional<SegmentDescriptor> said = Optional.empty();
  private final StoredDirectory directory =
      new StoredDirectory(new Store(), keys, this::ask, Runnable::run, _ -> {});

  private SegmentDescriptor ask(HostPort rpc, Duration timeout) {
    asked.add(rpc);
    return said.orElseThrow(
        () -> new TransferException(ErrorCode.SOCKET, "Nobody there, by this test", ""));
  }

  private final class Store implements MetadataStore {
    @Override
    public String description() {
      return "of this test";
    }

    @Override
    public Optional<byte[]> get(String key, Duration timeout) {
      return Optional.ofNullable(records.get(key));
    }

    @Override
    public boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout) {
      throw new AssertionError();
    }

    @Override
    public boolean remove(String key, byte[] expected, Duration timeout) {
      throw new AssertionError();
    }

    @Override
    public void close() {}
  }

  private static SegmentDescriptor descriptor(String incarnation, long fence) {
    return SegmentDescriptor.builder(NAME, SegmentDescriptor.TCP)
        .incarnation(incarnation.isEmpty() ? Optional.empty() : Optional.of(incarnation))
        .buffers(List.of(new BufferDescriptor(NAME, 4096, 4096).withFence(fence)))
        .build();
  }

  private SegmentDescriptor stored(String incarnation) {
    SegmentDescriptor stored = descriptor(incarnation, 1).toBuilder().metadataVersion(7).build();
    records.put(keys.segment(NAME), MetadataCodec.encode(stored));
    records.put(
        keys.rpcMeta(NAME), MetadataCodec.encode(new RpcMetaRecord(RPC.host(), RPC.port(), 7)));
    return directory.find(NAME, LONG).descriptor();
  }

  private SegmentDescriptor newer(SegmentDescriptor old) {
    return directory.findNewer(NAME, old, LONG).descriptor();
  }

  @Test
  void whatThePeerSaysItselfCounts() {
    SegmentDescriptor old = stored("00ff");
    assertThat(asked).isEmpty();
    said = Optional.of(descriptor("00ff", 2));
    SegmentDescriptor found = newer(old);
    assertThat(found.buffers().getFirst().fence()).isEqualTo(2);
    assertThat(found.metadataVersion()).as("that of the record, which may come later").isEqualTo(7);
    assertThat(asked).containsExactly(RPC);
  }

  @Test
  void whoeverElseAnswersThereDoesNot() {
    SegmentDescriptor old = stored("00ff");
    said = Optional.of(descriptor("00fe", 2));
    assertThat(newer(old)).isEqualTo(old);
    said = Optional.of(descriptor("00ff", 2).toBuilder().name("another").build());
    assertThat(newer(old)).isEqualTo(old);
    said = Optional.empty();
    assertThat(newer(old)).isEqualTo(old);
  }

  @Test
  void aPeerThatDoesNotSayWhoItIsIsNotAsked() {
    SegmentDescriptor old = stored("");
    said = Optional.of(descriptor("", 2));
    assertThat(newer(old)).isEqualTo(old);
    assertThat(asked).isEmpty();
  }
}
