// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The target's side. It holds memory in its own engine and answers one request at a time, until its input ends:
 *
 * <pre>
 * allocate REGIONS SLOTS BLOCKS BLOCK_BYTES SEED PLACE    ADDRESS,... SLOT,...   see BlockShape, MemoryPlace
 * fill SEED BYTES                                   the start of the first region
 * flip                                              spoils a bit
 * fill-pages SEED PAGE,...                          these places of each region
 * flip-page PAGE                                    spoils a bit there, in the first region
 * digest-pages PAGE,...                             SHA-256 of these places, region after region
 * digest                                            SHA-256 of all blocks
 * digest-ranges LENGTH OFFSET,...                   SHA-256 of these
 * free
 * cpu                                               nanoseconds that this process has used
 * engines COUNT BYTES                               NAME ADDRESS of further engines, with commas
 * </pre>
 *
 * A reply is {@code @ok} and the result, or {@code @error} and one line. The first line is {@code
 * @ok} and the segment's name.
 */
public final class TargetAgent implements AutoCloseable {
  /** Enough for the idle measurement; each has threads and ports. */
  private static final int ENGINE_LIMIT = 64;

  private final EngineConfig config;
  private final long memoryLimitBytes;
  private final Engine engine;
  private final List<Engine> others = new ArrayList<>();
  private final List<BlockMemory> buffers = new ArrayList<>();
  private @Nullable BlockMemory memory;

  public TargetAgent(EngineConfig config, long memoryLimitBytes) {
    this.config = config;
    this.memoryLimitBytes = memoryLimitBytes;
    this.engine = Engine.open(config);
  }

  /** Answers until the input ends. */
  public void serve(InputStream in, OutputStream out) throws IOException {
    RequestLoop.serve(in, out, engine.segmentName(), this::answer);
  }

  private String answer(String[] words) {
    return switch (words[0]) {
      case "allocate" -> allocate(words);
      case "fill" -> {
        held().fillStart(Long.parseLong(words[1]), Long.parseLong(words[2]));
        yield "";
      }
      case "flip" -> {
        held().flip();
        yield "";
      }
      case "fill-pages" -> {
        held().fillPages(Long.parseLong(words[1]), TargetLink.integers(words[2]));
        yield "";
      }
      case "flip-page" -> {
        held().flipPage(Integer.parseInt(words[1]));
        yield "";
      }
      case "digest-pages" -> held().digestPages(TargetLink.integers(words[1]));
      case "digest" -> held().digest();
      case "digest-ranges" -> held().digest(TargetLink.numbers(words[2]), Long.parseLong(words[1]));
      case "free" -> {
        free();
        yield "";
      }
      case "cpu" -> Long.toString(ProcessorTime.ofThisProcessNanos());
      case "engines" -> engines(Integer.parseInt(words[1]), Long.parseLong(words[2]));
      default -> throw CommandException.usage("'" + words[0] + "' is not a request");
    };
  }

  private String allocate(String[] words) {
    free();
    BlockShape shape =
        new BlockShape(
            Integer.parseInt(words[1]),
            Integer.parseInt(words[2]),
            Integer.parseInt(words[3]),
            Long.parseLong(words[4]));
    if (shape.allocatedBytes() > memoryLimitBytes) {
      throw CommandException.usage(
          "%d bytes are requested, above the limit of this target, %d: start it with more --memory"
              .formatted(shape.allocatedBytes(), memoryLimitBytes));
    }
    MemoryPlace place = words.length > 6 ? place(words[6]) : MemoryPlace.HOST;
    BlockMemory allocated = BlockMemory.allocate(engine, shape, Long.parseLong(words[5]), place);
    memory = allocated;
    return TargetLink.list(LongStream.of(allocated.regionAddresses()))
        + " "
        + TargetLink.list(IntStream.of(allocated.takenSlots()).asLongStream());
  }

  private static MemoryPlace place(String name) {
    return MemoryPlace.named(name)
        .orElseThrow(() -> CommandException.usage("'" + name + "' is no place of memory"));
  }

  private String engines(int count, long bytes) {
    if (count < 1 || others.size() + count > ENGINE_LIMIT) {
      throw CommandException.usage(count + " engines are requested; the limit is " + ENGINE_LIMIT);
    }
    if (bytes > memoryLimitBytes / count) {
      throw CommandException.usage(
          "%d x %d bytes are requested, above the limit of this target, %d"
              .formatted(count, bytes, memoryLimitBytes));
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Engine other = Engine.open(config);
      others.add(other);
      BlockMemory buffer = BlockMemory.allocate(other, BlockShape.single(bytes), 0);
      buffers.add(buffer);
      names.add(other.segmentName() + " " + buffer.first().address());
    }
    return String.join(",", names);
  }

  private BlockMemory held() {
    if (memory == null) {
      throw CommandException.usage("Nothing has been allocated");
    }
    return memory;
  }

  private void free() {
    if (memory != null) {
      memory.close();
      memory = null;
    }
  }

  @Override
  public void close() {
    free();
    buffers.forEach(BlockMemory::close);
    others.forEach(Engine::close);
    engine.close();
  }
}
