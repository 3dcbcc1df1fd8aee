// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.netty.util.concurrent.GlobalEventExecutor;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Transfer;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * Uses up its descriptors, and says what becomes of a lookup and of a transfer then. Netty's
 * executor for the whole JVM stands still meanwhile: in a full heap, or without a thread, it ends
 * for good.
 */
public final class DescriptorsMain {
  private static final Duration LONG = Duration.ofMinutes(1);

  private DescriptorsMain() {}

  /** Prints a line for each. */
  public static void main(String[] arguments) throws Exception {
    try (Engine engine = open();
        Engine used = open();
        Engine known = open();
        Engine unknown = open()) {
      MemorySegment memory = engine.allocate(4096).segment();
      // What these need is loaded once there are none left.
      write(engine, used, memory);
      lookUp(engine, "127.0.0.1:1");
      writeToNobody(engine, memory);
      engine.openSegment(known.segmentName());
      long there = known.allocate(4096).address();
      CountDownLatch over = new CountDownLatch(1);
      GlobalEventExecutor.INSTANCE.execute(() -> awaitUninterruptibly(over));
      List<FileInputStream> held = new ArrayList<>();
      String looked;
      Transfer transfer;
      try {
        while (true) {
          held.add(new FileInputStream("/dev/null"));
        }
      } catch (IOException e) {
        looked = lookUp(engine, unknown.segmentName());
        transfer = engine.submit(TransferRequest.write(known.segmentName(), memory, there));
        transfer.await(LONG);
      }
      for (FileInputStream one : held) {
        one.close();
      }
      over.countDown();
      System.out.println("lookup: " + looked);
      System.out.println(
          "transfer: "
              + transfer.failure().map(Throwable::getMessage).orElse("" + transfer.state()));
    }
    System.exit(0);
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  private static Engine open() {
    return Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build());
  }

  private static void write(Engine engine, Engine target, MemorySegment memory)
      throws InterruptedException {
    Transfer transfer =
        engine.submit(
            TransferRequest.write(target.segmentName(), memory, target.allocate(4096).address()));
    transfer.await(LONG);
  }

  private static void writeToNobody(Engine engine, MemorySegment memory)
      throws InterruptedException {
    String name;
    try (Engine closed = open()) {
      name = closed.segmentName();
      engine.openSegment(name);
    }
    engine.submit(TransferRequest.write(name, memory, 1)).await(LONG);
  }

  private static String lookUp(Engine engine, String name) {
    try {
      return "opened " + engine.openSegment(name).name();
    } catch (TransferException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
