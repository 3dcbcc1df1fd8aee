// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.cli.target.BlockMemory;
import io.transferengine.cli.target.BlockShape;
import io.transferengine.cli.target.MemoryPlaces;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * Blocks of one size at a constant distance. Both sides hold a block at the same place of their
 * memory, so that samples can be compared.
 */
final class GridWorkload implements BenchWorkload {
  /** The most bytes that a comparison digests on each side. */
  private static final long SAMPLE_BYTES_LIMIT = 32 << 20;

  /** Keeps the request to the target short. */
  private static final int SAMPLE_BLOCKS_LIMIT = 64;

  /** Not a seed of any row. */
  private static final long SPOILING_SEED = -1;

  private final TargetLink target;
  private final GridPlan plan;
  private final BenchLoop loop;
  private final boolean corrupt;
  private final BlockMemory memory;
  private final long remoteBase;

  /** With {@code corrupt}, for tests, each comparison fails. */
  GridWorkload(
      Engine engine,
      TargetLink target,
      GridPlan plan,
      BenchLoop loop,
      MemoryPlaces places,
      boolean corrupt) {
    this.target = target;
    this.plan = plan;
    this.loop = loop;
    this.corrupt = corrupt;
    long bytes = plan.rows().stream().mapToLong(GridPlan.Row::extentBytes).max().orElse(1);
    String[] remote = target.ask("allocate", 1, 1, 1, bytes, 0, places.target()).split(" ", -1);
    remoteBase = Long.parseLong(remote[0]);
    memory = BlockMemory.allocate(engine, BlockShape.single(bytes), 0, places.here());
  }

  @Override
  public List<BenchCase> cases() {
    return plan.rows().stream().<BenchCase>map(Case::new).toList();
  }

  @Override
  public String explanation() {
    return plan.adjacent() ? "adjacent blocks are coalesced" : "no two blocks are adjacent";
  }

  private final class Case implements BenchCase, BenchLoop.Content {
    private final GridPlan.Row row;

    Case(GridPlan.Row row) {
      this.row = row;
    }

    @Override
    public BenchRow row() {
      return new BenchRow(BenchRow.GRID, row.operation(), row.blockBytes(), row.batch());
    }

    @Override
    public BenchResult measure() {
      List<TransferRequest> requests = new ArrayList<>();
      for (int thread = 0; thread < plan.threads(); thread++) {
        requests.add(TransferRequest.of(row.operation(), target.segmentName(), blocks(thread)));
      }
      return loop.measure(requests, this);
    }

    @Override
    public Optional<BlockColumns> blocks() {
      return Optional.of(blocks(0));
    }

    private BlockColumns blocks(int thread) {
      long base = memory.regionAddresses()[0];
      long[] offsets = row.offsets(thread).toArray();
      long[] lengths = new long[offsets.length];
      Arrays.fill(lengths, row.blockBytes());
      return BlockColumns.of(
          LongStream.of(offsets).map(offset -> base + offset).toArray(),
          LongStream.of(offsets).map(offset -> remoteBase + offset).toArray(),
          lengths);
    }

    @Override
    public void refill(long seed) {
      if (row.operation() == Operation.WRITE) {
        memory.fillStart(seed, row.extentBytes());
      } else {
        target.ask("fill", seed, row.extentBytes());
      }
    }

    @Override
    public Optional<String> compare() {
      if (corrupt) {
        target.ask("fill", SPOILING_SEED, Math.min(row.blockBytes(), Long.BYTES));
      }
      long most = Math.clamp(SAMPLE_BYTES_LIMIT / row.blockBytes(), 1, SAMPLE_BLOCKS_LIMIT);
      long step = Math.ceilDiv(row.slots(), most);
      long[] offsets =
          LongStream.iterate(0, slot -> slot < row.slots(), slot -> slot + step)
              .map(slot -> slot * row.strideBytes())
              .toArray();
      String here = memory.digest(offsets, row.blockBytes());
      String there =
          target.ask("digest-ranges", row.blockBytes(), TargetLink.list(LongStream.of(offsets)));
      return here.equals(there)
          ? Optional.empty()
          : Optional.of("SHA-256 of a sample is %s here and %s there".formatted(here, there));
    }
  }

  @Override
  public void close() {
    memory.close();
  }
}
