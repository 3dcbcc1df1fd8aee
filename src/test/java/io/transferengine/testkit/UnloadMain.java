// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import static org.awaitility.Awaitility.await;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.io.File;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Uses engines of a class loader of their own on the main thread, and waits until it is gone. */
public final class UnloadMain {
  /** What is printed when it is. */
  public static final String UNLOADED = "The class loader is gone";

  private UnloadMain() {}

  /** Runs it. */
  public static void main(String[] arguments) throws Exception {
    WeakReference<ClassLoader> loader = useAndDrop();
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> {
              System.gc();
              return loader.refersTo(null);
            });
    System.out.println(UNLOADED);
  }

  private static WeakReference<ClassLoader> useAndDrop() throws Exception {
    List<URL> classPath = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      classPath.add(Path.of(entry).toUri().toURL());
    }
    try (URLClassLoader own =
        new URLClassLoader(classPath.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      Thread.currentThread().setContextClassLoader(own);
      Class<?> application = own.loadClass(Application.class.getName());
      ((Runnable) application.getConstructor().newInstance()).run();
      return new WeakReference<>(own);
    } finally {
      Thread.currentThread().setContextClassLoader(ClassLoader.getSystemClassLoader());
    }
  }

  /** What is loaded by the loader of its own. */
  public static final class Application implements Runnable {
    /** For reflection. */
    public Application() {}

    @Override
    public void run() {
      try (Engine target = open();
          Engine initiator = open();
          var there = target.allocate(4096);
          var here = initiator.allocate(4096)) {
        TransferState state =
            initiator
                .submit(
                    TransferRequest.of(
                        Operation.READ,
                        target.segmentName(),
                        BlockColumns.of(here.address(), there.address(), 4096)))
                .await(Duration.ofSeconds(20));
        // Callers move these themselves, in the end.
        for (int i = 0; i < 200 && state == TransferState.COMPLETED; i++) {
          state =
              initiator
                  .submitAndAwait(
                      TransferRequest.of(
                          Operation.READ,
                          target.segmentName(),
                          BlockColumns.of(here.address(), there.address(), 4096)))
                  .state();
        }
        if (state != TransferState.COMPLETED) {
          throw new IllegalStateException("The transfer has ended as " + state);
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    private static Engine open() {
      return Engine.open(
          EngineConfig.builder("127.0.0.1")
              .metadataServer("P2PHANDSHAKE")
              .protocol("tcp")
              .listenAddress("127.0.0.1")
              .local(LocalMode.OFF)
              .build());
    }
  }
}
