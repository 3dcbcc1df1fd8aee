// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import io.transferengine.device.CallPlan;
import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Transfers that keep step with work on a device: after an event, and in a stream's order. */
@Timeout(180)
class AfterEventTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int BYTES = 3 << 20;
  private static final Duration LIMIT = Duration.ofSeconds(100);

  private final SimulatedDevices driver = new SimulatedDevices(SEED, 2, 1L << 28);
  private final EngineCore engine = DeviceMemoryTest.engine(new Devices(() -> driver));
  private final EngineCore peer = DeviceMemoryTest.engine(new Devices());
  private final Mapped there = Mapped.of(BYTES);
  private final long memory = driver.memory(1, BYTES);

  @BeforeEach
  void register() {
    var _ = engine.memory().register(memory, BYTES, "*");
    var _ = peer.memory().register(there.address(), BYTES, "*");
    driver.poke(memory, bytes(1));
  }

  @AfterEach
  void closeAll() {
    engine.close();
    peer.close();
    there.close();
    driver.forgetLost();
    assertThat(driver.open()).as("seed %d", SEED).isEmpty();
    driver.close();
  }

  private static byte[] bytes(int value) {
    byte[] bytes = new byte[BYTES];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  private TransferRequest request(Operation operation) {
    return TransferRequest.of(
        operation, peer.segmentName(), BlockColumns.of(memory, there.address(), BYTES));
  }

  private byte[] arrived() {
    return there.segment().toArray(ValueLayout.JAVA_BYTE);
  }

  private static void assertMoved(TransferHandle transfer) throws InterruptedException {
    assertThat(transfer.await(LIMIT))
        .as("%s, seed %d", transfer.failure(), SEED)
        .isEqualTo(TransferState.COMPLETED);
  }

  /** The event's own thread asks for the event again and again. */
  private void awaitAsked() {
    int before = driver.plan().calls("cuEventQuery");
    while (driver.plan().calls("cuEventQuery") < before + 2) {
      Thread.onSpinWait();
    }
  }

  @Test
  void aTransferBeginsWhenItsEventHasHappenedAndOthersDoNotWait() throws Exception {
    long event = driver.events().pending();
    long other = driver.events().pending();
    TransferHandle first = engine.submit(request(Operation.WRITE).after(event));
    awaitAsked();
    assertThat(first.state()).isEqualTo(TransferState.WAITING);
    assertThat(driver.plan().calls("cuMemcpyDtoHAsync_v2")).isZero();
    // Behind it in the queue, without an event and with one.
    assertMoved(engine.submit(request(Operation.WRITE)));
    assertThat(arrived()).isEqualTo(bytes(1));
    driver.events().happen(other);
    assertMoved(engine.submit(request(Operation.READ).after(other)));
    assertThat(first.state()).isEqualTo(TransferState.WAITING);

    driver.poke(memory, bytes(2));
    driver.events().happen(event);
    assertMoved(first);
    assertThat(arrived()).isEqualTo(bytes(2));
    assertThat(driver.events().destroy(event)).isTrue();
    assertThat(driver.events().destroy(other)).isTrue();
  }

  @Test
  void manyTransfersWaitForManyEvents() throws Exception {
    List<Long> events = new ArrayList<>();
    List<TransferHandle> transfers = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      events.add(driver.events().pending());
      transfers.add(engine.submit(request(Operation.WRITE).after(events.getLast())));
    }
    for (int i = 299; i >= 0; i--) {
      driver.events().happen(events.get(i));
    }
    for (TransferHandle each : transfers) {
      assertMoved(each);
    }
    events.forEach(each -> assertThat(driver.events().destroy(each)).isTrue());
  }

  @Test
  void aHandleOfNoEventFailsItsTransfer() throws Exception {
    assertThatThrownBy(() -> request(Operation.WRITE).after(0)).hasMessageContaining("no event");
    TransferHandle failed = engine.submit(request(Operation.WRITE).after(12345));
    assertThat(failed.await(LIMIT)).isEqualTo(TransferState.FAILED);
    assertThat(failed.failure().orElseThrow())
        .hasMessageContaining("0x3039 is no event of the device: cuda:1: cuEventQuery")
        .hasFieldOrPropertyWithValue("code", ErrorCode.INVALID_ARGUMENT);
    assertMoved(engine.submit(request(Operation.WRITE)));
  }

  @Test
  void aHeapThatIsFullIsNoAnswer() throws Exception {
    long event = driver.events().pending();
    driver.plan().fail("cuEventQuery", 1, CallPlan.FULL_HEAP);
    driver.plan().fail("cuEventQuery", 1, CallPlan.FULL_HEAP);
    TransferHandle transfer = engine.submit(request(Operation.WRITE).after(event));
    awaitAsked();
    awaitAsked();
    awaitAsked();
    driver.events().happen(event);
    assertMoved(transfer);
    assertThat(driver.events().destroy(event)).isTrue();
  }

  /** A kernel of the caller's that ended in an illegal address, which its event tells. */
  @Test
  void whatTheEventTellsOfIsTheTransfersFailure() throws Exception {
    long event = driver.events().pending();
    driver.plan().fail("cuEventQuery", 2, Cuda.CUDA_ERROR_ILLEGAL_ADDRESS());
    TransferHandle failed = engine.submit(request(Operation.WRITE).after(event));
    assertThat(failed.await(LIMIT)).isEqualTo(TransferState.FAILED);
    assertThat(failed.failure().orElseThrow())
        .hasMessageContaining("cuda:1: cuEventQuery")
        .hasMessageContaining("700");
    try (Mapped host = Mapped.of(BYTES).fill(SEED)) {
      var _ = engine.memory().register(host.address(), BYTES, "*");
      assertMoved(
          engine.submit(
              TransferRequest.of(
                  Operation.WRITE,
                  peer.segmentName(),
                  BlockColumns.of(host.address(), there.address(), BYTES))));
      assertThat(there.segment().mismatch(host.segment())).isEqualTo(-1);
      engine.memory().unregister(host.address());
    }
  }

  @Test
  void anEventThatDoesNotHappenEndsAtTheDeadlineByACancelOrWithTheMemory() throws Exception {
    long event = driver.events().pending();
    TransferHandle late =
        engine.submit(request(Operation.WRITE).after(event).withTimeout(Duration.ofMillis(100)));
    assertThat(late.await(LIMIT)).isEqualTo(TransferState.TIMEOUT);
    assertThat(late.failure().orElseThrow())
        .hasMessageContaining("event 0x%x had not happened".formatted(event));

    TransferHandle canceled = engine.submit(request(Operation.WRITE).after(event));
    assertThat(canceled.cancel()).isTrue();
    assertThat(canceled.await(LIMIT)).isEqualTo(TransferState.CANCELED);

    TransferHandle without = engine.submit(request(Operation.WRITE).after(event));
    engine.memory().unregister(memory);
    assertThat(without.await(LIMIT)).isEqualTo(TransferState.FAILED);

    var _ = engine.memory().register(memory, BYTES, "cuda:1");
    TransferHandle closed = engine.submit(request(Operation.WRITE).after(event));
    engine.close();
    assertThat(closed.await(LIMIT)).isEqualTo(TransferState.FAILED);
    driver.events().happen(event);
    assertThat(driver.events().destroy(event)).isTrue();
  }

  @Test
  void hostMemoryWaitsForAnEventToo() throws Exception {
    long event = driver.events().pending();
    try (Mapped host = Mapped.of(BYTES).fill(SEED)) {
      var _ = engine.memory().register(host.address(), BYTES, "*");
      TransferRequest request =
          TransferRequest.of(
              Operation.WRITE,
              peer.segmentName(),
              BlockColumns.of(host.address(), there.address(), BYTES));
      TransferHandle waiting = engine.submit(request.after(event));
      awaitAsked();
      assertThat(waiting.state()).isEqualTo(TransferState.WAITING);
      driver.events().happen(event);
      assertMoved(waiting);
      engine.memory().unregister(host.address());
    }
    assertThat(driver.events().destroy(event)).isTrue();
  }

  @Test
  void withoutADriverTheTransferSaysWhy() throws Exception {
    Devices none =
        new Devices(
            () -> {
              throw new TransferException(ErrorCode.DEVICE_NOT_FOUND, "no driver", "get one");
            });
    try (EngineCore alone = DeviceMemoryTest.engine(none);
        Mapped host = Mapped.of(4096)) {
      var _ = alone.memory().register(host.address(), 4096, "*");
      TransferHandle failed =
          alone.submit(
              TransferRequest.of(
                      Operation.WRITE,
                      peer.segmentName(),
                      BlockColumns.of(host.address(), there.address(), 4096))
                  .after(77));
      assertThat(failed.await(LIMIT)).isEqualTo(TransferState.FAILED);
      assertThat(failed.failure().orElseThrow()).hasMessageContaining("no driver");
      alone.memory().unregister(host.address());
    }
  }

  // ---- streams

  private long stream() {
    driver.pushContext(2);
    try {
      return driver.createStream();
    } finally {
      driver.popContext();
    }
  }

  private void onStream(Runnable call) {
    driver.pushContext(2);
    try {
      call.run();
    } finally {
      driver.popContext();
    }
  }

  @Test
  void aTransferKeepsToTheOrderOfAStream() throws Exception {
    long stream = stream();
    driver.hold();
    // Work of the caller's before it, and behind it.
    onStream(() -> driver.fill(memory, (byte) 7, BYTES, stream));
    TransferHandle transfer = OnStream.submit(engine, request(Operation.WRITE), stream);
    onStream(() -> driver.fill(memory, (byte) 9, BYTES, stream));
    awaitAsked();
    assertThat(transfer.state()).isEqualTo(TransferState.WAITING);
    driver.letGo();
    assertMoved(transfer);
    assertThat(arrived()).isEqualTo(bytes(7));
    onStream(() -> driver.awaitStream(stream));
    assertThat(driver.peek(memory, BYTES)).isEqualTo(bytes(9));

    there.segment().fill((byte) 3);
    TransferHandle read = OnStream.submit(engine, request(Operation.READ), stream);
    onStream(() -> driver.awaitStream(stream));
    assertThat(driver.peek(memory, BYTES)).isEqualTo(bytes(3));
    assertMoved(read);
    onStream(() -> driver.destroyStream(stream));
  }

  @Test
  void aFailedTransferLetsTheStreamGoOn() throws Exception {
    long stream = stream();
    TransferRequest nowhere =
        TransferRequest.of(
            Operation.WRITE, peer.segmentName(), BlockColumns.of(memory, 4096, BYTES));
    TransferHandle failed = OnStream.submit(engine, nowhere, stream);
    onStream(() -> driver.awaitStream(stream));
    assertThat(failed.await(LIMIT)).isEqualTo(TransferState.FAILED);

    TransferRequest notOurs =
        TransferRequest.of(
            Operation.WRITE, peer.segmentName(), BlockColumns.of(4096, there.address(), BYTES));
    assertThatThrownBy(() -> OnStream.submit(engine, notOurs, stream))
        .hasFieldOrPropertyWithValue("code", ErrorCode.ADDRESS_NOT_REGISTERED);
    onStream(() -> driver.awaitStream(stream));
    onStream(() -> driver.destroyStream(stream));

    assertThatThrownBy(() -> OnStream.submit(engine, request(Operation.WRITE), stream))
        .hasMessageContaining("is no stream of the device");
    long another = stream();
    for (String call : List.of("cuEventRecord", "cuStreamWaitValue32_v2")) {
      driver.plan().fail(call, 0, Cuda.CUDA_ERROR_NOT_SUPPORTED());
      assertThatThrownBy(() -> OnStream.submit(engine, request(Operation.WRITE), another))
          .hasMessageContaining(call);
      onStream(() -> driver.awaitStream(another));
    }
    assertMoved(OnStream.submit(engine, request(Operation.WRITE), another));
    onStream(() -> driver.awaitStream(another));
    onStream(() -> driver.destroyStream(another));
  }

  /** The caller learns of it before it begins what needs the bytes: the stream goes on at once. */
  @Test
  void aTransferThatCannotWaitForItsStreamIsRefusedByTheCall() {
    long stream = stream();
    engine.memory().devices().waits().close();
    there.segment().fill((byte) 3);

    assertThatThrownBy(() -> OnStream.submit(engine, request(Operation.READ), stream))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("closed");
    onStream(() -> driver.awaitStream(stream));
    assertThat(driver.peek(memory, BYTES)).isEqualTo(bytes(1));
    onStream(() -> driver.destroyStream(stream));
  }

  @Test
  void manyTransfersOfManyStreams() throws Exception {
    List<Long> streams = new ArrayList<>();
    List<TransferHandle> transfers = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      streams.add(stream());
    }
    for (int i = 0; i < 100; i++) {
      transfers.add(
          OnStream.submit(engine, request(Operation.WRITE), streams.get(i % streams.size())));
    }
    for (TransferHandle each : transfers) {
      assertMoved(each);
    }
    for (long each : streams) {
      onStream(() -> driver.awaitStream(each));
      onStream(() -> driver.destroyStream(each));
    }
  }

  /** The copy may stand behind that stream, in the same queue of the hardware. */
  @Test
  void aStreamGoesOnAtACancelEvenIfACopyDoesNotEnd() throws Exception {
    long stream = stream();
    driver.hold();
    try {
      TransferHandle transfer = OnStream.submit(engine, request(Operation.WRITE), stream);
      while (driver.plan().calls("cuMemcpyDtoHAsync_v2") == 0) {
        Thread.onSpinWait();
      }
      assertThat(transfer.cancel()).isTrue();
      CompletableFuture<Void> wentOn =
          CompletableFuture.runAsync(() -> onStream(() -> driver.awaitStream(stream)));
      wentOn.get(10, TimeUnit.SECONDS);
      driver.letGo();
      assertThat(transfer.await(LIMIT)).isEqualTo(TransferState.CANCELED);
    } finally {
      driver.letGo();
    }
    onStream(() -> driver.destroyStream(stream));
  }

  /** Its transfers end, so its streams go on. */
  @Test
  void anEngineThatClosesLetsStreamsGoOn() throws Exception {
    long stream = stream();
    driver.hold();
    onStream(() -> driver.fill(memory, (byte) 7, BYTES, stream));
    TransferHandle transfer = OnStream.submit(engine, request(Operation.WRITE), stream);
    awaitAsked();
    driver.letGo();
    engine.close();
    assertThat(transfer.await(LIMIT).isTerminal()).isTrue();
    onStream(() -> driver.awaitStream(stream));
    onStream(() -> driver.destroyStream(stream));
  }
}
