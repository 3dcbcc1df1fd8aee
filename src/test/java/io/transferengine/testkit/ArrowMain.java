// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.RegistrationOptions;
import io.transferengine.Segment;
import io.transferengine.arrow.ArrowBufs;
import io.transferengine.arrow.ArrowMemory;
import io.transferengine.transfer.Operation;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;

/** Moves Arrow's buffers, and says what has become of their indices and counts. */
public final class ArrowMain {
  private ArrowMain() {}

  /**
   * Prints a line for each step. Arrow's allocator throws at its end if a buffer was not given
   * back.
   */
  public static void main(String[] arguments) throws ReflectiveOperationException {
    EngineConfig config = EngineConfig.fromEnvironment("127.0.0.1").protocol("tcp").build();
    try (Engine here = Engine.open(config);
        Engine there = Engine.open(config);
        Allocation remote = there.allocate(4096);
        BufferAllocator allocator = rootAllocator();
        ArrowMemory memory = new ArrowMemory(here, RegistrationOptions.DEFAULT)) {
      Segment peer = here.openSegment(there.segmentName());
      ArrowBuf whole = allocator.buffer(1024);
      System.out.println("registered: " + memory.register(whole) + " " + memory.register(whole));
      ArrowBuf source = whole.slice(0, 512);
      for (int i = 0; i < 512; i++) {
        source.setByte(i, i);
      }
      source.readerIndex(8).writerIndex(512);
      ArrowBufs.write(peer, source, remote.address()).toCompletableFuture().join();
      System.out.println("written: " + source.readerIndex() + ", count " + count(whole));
      ArrowBuf destination = whole.slice(512, 512);
      destination.writerIndex(8);
      ArrowBufs.read(peer, destination, remote.address()).toCompletableFuture().join();
      System.out.println(
          "read: " + destination.writerIndex() + ", last " + destination.getByte(511));
      source.readerIndex(0);
      fail(peer, source);
      System.out.println("failed: " + source.readerIndex() + ", count " + count(whole));
      whole.getReferenceManager().release();
    }
    System.out.println("closed");
    System.exit(0);
  }

  /** By its name: its class file has annotations of a library that nobody needs to run it. */
  private static BufferAllocator rootAllocator() throws ReflectiveOperationException {
    return Class.forName("org.apache.arrow.memory.RootAllocator")
        .asSubclass(BufferAllocator.class)
        .getConstructor()
        .newInstance();
  }

  private static void fail(Segment peer, ArrowBuf source) {
    try {
      ArrowBufs.submit(peer, Operation.WRITE, List.of(source), new long[] {4096})
          .toCompletableFuture()
          .join();
      throw new AssertionError("not refused");
    } catch (CompletionException refused) {
      // As it is to be.
    }
  }

  /** Ours, and that of the registration. */
  private static int count(ArrowBuf buffer) {
    return buffer.getReferenceManager().getRefCount();
  }
}
