// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.AccessRights;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a pool asks of a source: the seam that further kinds of memory come in by. */
@Timeout(60)
class MemorySourceTest {
  private static final long SLAB_BYTES = 64 << 10;

  private final RegionTable table = new RegionTable();
  private final Devices devices = new Devices();
  private final MemoryPool pool =
      new MemoryPool(1 << 20, devices, new Table(), SLAB_BYTES, SLAB_BYTES, System::nanoTime);

  /** Hands out addresses behind which nothing is mapped: to touch one would end the JVM. */
  private static final class Devices implements MemorySource {
    private static final long FIRST = 0x10_0000_0000L;

    private final Set<Slab> taken = new HashSet<>();
    private int takenEver;
    private Throwable failure = new OutOfMemoryError("none of the test's");
    private boolean fails;
    private boolean clings;

    @Override
    public String location() {
      return "cuda:2";
    }

    @Override
    public Slab take(long bytes) {
      if (fails) {
        Devices.<RuntimeException>sneak(failure);
      }
      Slab slab = new Piece(FIRST + SLAB_BYTES * 16 * takenEver++, bytes);
      taken.add(slab);
      return slab;
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> void sneak(Throwable failure) throws T {
      throw (T) failure;
    }

    private final class Piece implements Slab {
      private final long address;
      private final long bytes;

      Piece(long address, long bytes) {
        this.address = address;
        this.bytes = bytes;
      }

      @Override
      public long address() {
        return address;
      }

      @Override
      public long bytes() {
        return bytes;
      }

      @Override
      public MemorySegment part(long offset, long length) {
        return MemorySegment.ofAddress(address + offset);
      }

      @Override
      public void giveBack() {
        if (clings) {
          throw new IllegalStateException("in use, says the test");
        }
        assertThat(taken.remove(this)).isTrue();
      }
    }
  }

  private final class Table implements RegionRegistrar {
    @Override
    public Region register(
        MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live) {
      return table.register(slab, source, rights, live);
    }

    @Override
    public @Nullable Region leftOf(long address, LiveBlocks live) {
      return null;
    }

    @Override
    public void unregister(Region region) {
      table.remove(region);
    }
  }

  @Test
  void aRegionSaysWhatItsSourceSays() {
    MemorySegment block = pool.allocate(4096);
    assertThat(block.address()).isEqualTo(Devices.FIRST);
    Region region = table.inOrder().getFirst();
    assertThat(region.kind()).isEqualTo(new MemoryKind.Device("cuda", 2));
    assertThat(region.location()).isEqualTo("cuda:2");
    assertThat(region.isTouchable()).isFalse();
    assertThat(region.owner()).isEqualTo(Region.Owner.POOL);
    assertThat(region.acquire(block.address(), 4096)).isTrue();
    region.release();
    pool.close();
  }

  @Test
  void theProcessorIsKeptFromABlock() {
    MemorySegment block = pool.allocate(4096);
    assertThat(table.acquireTouchable(block.address(), 4096)).isNull();
    assertThat(table.inOrder().getFirst().inFlight()).isZero();
    assertThatThrownBy(() -> block.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    pool.free(block.address(), 4096);
    pool.close();
  }

  @Test
  void everySlabGoesBackToWhereItCameFrom() {
    for (int i = 0; i < 40; i++) {
      MemorySegment block = pool.allocate(SLAB_BYTES);
      MemorySegment alone = pool.allocate(SLAB_BYTES + 1);
      assertThat(devices.taken).hasSize(2);
      pool.free(block.address(), SLAB_BYTES);
      pool.free(alone.address(), SLAB_BYTES + 1);
    }
    assertThat(devices.taken).hasSize(1); // the spare
    assertThat(pool.reservedBytes()).isEqualTo(SLAB_BYTES);
    pool.close();
    assertThat(devices.taken).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aSourceThatHasNoneIsAskedAgain(boolean error) {
    devices.fails = true;
    if (!error) {
      devices.failure = new TransferException(ErrorCode.MEMORY, "none of the test's", "");
    }
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> pool.allocate(4096))
          .isInstanceOfSatisfying(
              TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.MEMORY))
          .hasMessageContaining(error ? "4096" : "none of the test's");
    }
    assertThat(pool.reservedBytes()).isZero();
    devices.fails = false;
    assertThat(pool.allocate(4096).address()).isEqualTo(Devices.FIRST);
    pool.close();
  }

  @Test
  void whatCannotBeGivenBackIsCountedAsTaken() {
    MemorySegment block = pool.allocate(SLAB_BYTES + 1);
    devices.clings = true;
    pool.free(block.address(), SLAB_BYTES + 1);
    assertThat(pool.reservedBytes()).isEqualTo(SLAB_BYTES + 1);
    devices.clings = false;
    pool.close();
    assertThat(table.size()).isZero();
  }
}
