// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.metrics.Counter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a member offers to its peers: an engine, and memory that is registered in parts. Any of it
 * may be taken back and offered again. Thread-safe.
 */
final class Offer implements AutoCloseable {
  /** In place of a file: it is managed memory. */
  static final Path MANAGED = Path.of("managed");

  private final EngineConfig config;
  private final Path file;
  private @Nullable ManagedParts managed;
  private final Map<Layout.Part, Registration> registrations = new HashMap<>();
  private volatile Engine engine;
  private volatile MemorySegment memory;
  private @Nullable Arena arena;
  private boolean isOpen;

  /** Of engines that are closed. */
  private long forced;

  Offer(EngineConfig config, Path file) {
    this.config = config;
    this.file = file;
    engine = Engine.open(config);
    isOpen = true;
    memory = isManaged() ? allocate() : map();
    complete();
  }

  private boolean isManaged() {
    return file.equals(MANAGED);
  }

  /** All of it, of the engine that is open. */
  private MemorySegment allocate() {
    ManagedParts made = new ManagedParts(engine);
    managed = made;
    return made.memory();
  }

  private MemorySegment map() {
    Arena made = Arena.ofShared();
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MemorySegment mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, Layout.ALL_BYTES, made);
      arena = made;
      return mapped;
    } catch (IOException e) {
      made.close();
      throw new UncheckedIOException(e);
    } catch (Throwable t) {
      made.close();
      throw t;
    }
  }

  /** {@return the engine; it may be closed} */
  Engine engine() {
    return engine;
  }

  /** {@return the memory; while it is freed, what it was} */
  MemorySegment memory() {
    return memory;
  }

  /** {@return where it begins, for peers} */
  synchronized long base() {
    ManagedParts parts = managed;
    return parts == null ? memory.address() : parts.base();
  }

  /** {@return the descriptor by which others find it; -1 if it is a file} */
  synchronized int descriptor() {
    ManagedParts parts = managed;
    return parts == null ? -1 : parts.descriptor();
  }

  /** {@return how many transfers were ended by force} */
  synchronized long forced() {
    return forced + (isOpen ? engine.metrics().get(Counter.LAST_RESORTS) : 0);
  }

  /** Ends the registration of a part. */
  synchronized void unregister(Layout.Part part) {
    ManagedParts parts = managed;
    if (parts != null) {
      parts.refuse(part);
      return;
    }
    Registration registration = registrations.get(part);
    if (registration != null) {
      registration.close();
      registrations.remove(part);
    }
  }

  /** Frees the memory, of which no part is registered any more. */
  synchronized void free() {
    Arena mapped = arena;
    if (mapped != null) {
      arena = null;
      mapped.close();
    }
  }

  /** Takes the memory's pages away, though parts of it are registered. */
  synchronized void shrink() {
    resize(0);
  }

  /** Gives it others, of zeros. */
  synchronized void grow() {
    resize(Layout.ALL_BYTES);
  }

  private void resize(long bytes) {
    try (RandomAccessFile opened = new RandomAccessFile(file.toFile(), "rw")) {
      opened.setLength(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Closes the engine, which takes all parts back. */
  synchronized void closeEngine() {
    if (isOpen) {
      isOpen = false;
      engine.close();
      forced += engine.metrics().get(Counter.LAST_RESORTS);
      registrations.clear();
      ManagedParts parts = managed;
      if (parts != null) {
        managed = null;
        parts.close();
      }
    }
  }

  /** Offers again whatever was taken back. */
  synchronized void complete() {
    if (!isOpen) {
      engine = Engine.open(config);
      isOpen = true;
    }
    if (isManaged()) {
      ManagedParts parts = managed;
      if (parts == null) {
        memory = allocate();
      } else {
        Layout.registered(true).forEach(parts::admit);
      }
      return;
    }
    if (arena == null) {
      memory = map();
    }
    for (Layout.Part part : Layout.REGISTERED) {
      if (!registrations.containsKey(part)) {
        registrations.put(part, engine.register(memory.asSlice(part.offset(), part.length())));
      }
    }
  }

  @Override
  public synchronized void close() {
    closeEngine();
    free();
  }
}
