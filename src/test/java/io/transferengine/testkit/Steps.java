// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.FieldModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.MonitorInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs a few threads one at a time, in every order that takes at most so many interruptions of a
 * thread. A cheaper scheduler than that of {@link Schedules}, for classes that call much that is of
 * no interest here: only the classes that a test names are looked into.
 *
 * <p>A class loader of its own defines the program's classes once more, and puts a point into those
 * that are named: at the start of each method, and before each monitor that is entered, each field
 * that may change, each atomic and latch, and each call of a synchronized method. At a point
 * another thread may go on. A thread that holds the scene's lock is not interrupted: whoever wanted
 * to enter would have to wait anyway. So a field that is used without the lock, by mistake, has a
 * point, and one that is used with it has none.
 *
 * <p>All orders are tried, so there is no seed. A failure names its order, which {@code
 * -Dschedule=} plays again. Like Lincheck, it does not find what processors reorder.
 */
public final class Steps {
  private static final String SHARED = Steps.class.getName();
  private static final ClassDesc STEPS = ClassDesc.of(SHARED);
  private static final MethodTypeDesc NOTHING = MethodTypeDesc.of(ConstantDescs.CD_void);

  /** Longer than a schedule ever takes: then threads wait for each other. */
  private static final long STUCK_SECONDS = 60;

  private static volatile @Nullable Run underWay;

  private Steps() {}

  /** What a few threads do, and what holds in the end. Has a constructor without parameters. */
  public abstract static class Scene {
    private final int threads;

    /** For 2 or 3 threads. */
    protected Scene(int threads) {
      this.threads = threads;
    }

    /** {@return the monitor that guards what is shared} Nobody is interrupted who holds it. */
    protected abstract Object lock();

    /** What a thread does; it does not wait for another. */
    protected abstract void first() throws Exception;

    /** What another does. */
    protected abstract void second() throws Exception;

    /** What a third one does, if there is one. */
    protected void third() throws Exception {}

    /** Checks what must hold when all have ended. */
    protected abstract void check();

    private void play(int thread) throws Exception {
      switch (thread) {
        case 0 -> first();
        case 1 -> second();
        default -> third();
      }
    }
  }

  /**
   * Plays a scene in all orders with at most so many interruptions.
   *
   * @param scene its class; a fresh one is made for each order
   * @param stepped the classes with points; the classes nested in them have points too
   * @return the number of orders
   * @throws AssertionError the first order that does not hold, with what was thrown as its cause
   */
  public static int explore(int interruptions, Class<?> scene, Class<?>... stepped) {
    Set<String> names = new HashSet<>();
    for (Class<?> each : stepped) {
      names.add(each.getName());
    }
    Class<?> loaded = load(scene.getName(), names);
    Order order = new Order();
    String only = System.getProperty("schedule", "");
    if (!only.isEmpty()) {
      order.follow(Arrays.stream(only.split(",", -1)).mapToInt(Integer::parseInt).toArray());
    }
    int played = 0;
    do {
      order.start();
      played++;
      try {
        new Run(make(loaded), order, interruptions).play();
      } catch (Throwable t) {
        throw new AssertionError(
            scene.getSimpleName() + ", order " + played + ": replay with -Dschedule=" + order, t);
      }
    } while (only.isEmpty() && order.next());
    return played;
  }

  private static Class<?> load(String name, Set<String> stepped) {
    try {
      return new Loader(stepped).loadClass(name);
    } catch (ClassNotFoundException e) {
      throw new LinkageError(name, e);
    }
  }

  private static Scene make(Class<?> scene) throws ReflectiveOperationException {
    var constructor = scene.getDeclaredConstructor();
    constructor.setAccessible(true);
    return (Scene) constructor.newInstance();
  }

  /** Called by the classes with points. */
  public static void point() {
    Run run = underWay;
    if (run != null) {
      run.point();
    }
  }

  /** The choices of one order after the other, the last one changed first. */
  private static final class Order {
    private int[] chosen = new int[64];
    private int[] choices = new int[64];
    private int length;
    private int next;

    void follow(int[] wanted) {
      chosen = Arrays.copyOf(wanted, Math.max(64, wanted.length));
      choices = new int[chosen.length];
      length = wanted.length;
    }

    void start() {
      next = 0;
    }

    int choose(int count) {
      if (next == chosen.length) {
        chosen = Arrays.copyOf(chosen, 2 * next);
        choices = Arrays.copyOf(choices, 2 * next);
      }
      if (next == length) {
        chosen[next] = 0;
        length++;
      } else if (choices[next] != 0 && choices[next] != count) {
        throw new AssertionError("The same order leads elsewhere: the scene is not determined");
      }
      choices[next] = count;
      return chosen[next++];
    }

    boolean next() {
      while (length > 0 && chosen[length - 1] + 1 >= choices[length - 1]) {
        length--;
      }
      if (length == 0) {
        return false;
      }
      chosen[length - 1]++;
      return true;
    }

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < next; i++) {
        text.append(i == 0 ? "" : ",").append(chosen[i]);
      }
      return text.toString();
    }
  }

  /** One order. Only the thread whose turn it is touches anything of it. */
  private static final class Run {
    private final Scene scene;
    private final Object lock;
    private final Order order;
    private int interruptionsLeft;
    private final Thread[] threads;
    private final Semaphore[] turns;
    private final boolean[] over;
    private final Semaphore end = new Semaphore(0);
    private @Nullable Throwable failure;

    Run(Scene scene, Order order, int interruptions) {
      this.scene = scene;
      this.lock = scene.lock();
      this.order = order;
      this.interruptionsLeft = interruptions;
      threads = new Thread[scene.threads];
      turns = new Semaphore[threads.length];
      over = new boolean[threads.length];
      for (int i = 0; i < threads.length; i++) {
        int index = i;
        turns[i] = new Semaphore(0);
        threads[i] = Thread.ofPlatform().daemon().unstarted(() -> run(index));
      }
    }

    void play() throws Throwable {
      underWay = this;
      try {
        for (Thread thread : threads) {
          thread.start();
        }
        passOn();
        if (!end.tryAcquire(STUCK_SECONDS, TimeUnit.SECONDS)) {
          throw new AssertionError("The threads wait for each other: " + stacks());
        }
      } finally {
        underWay = null;
      }
      if (failure != null) {
        throw failure;
      }
      scene.check();
    }

    private String stacks() {
      StringBuilder text = new StringBuilder();
      for (Thread thread : threads) {
        text.append('\n').append(thread.getState());
        for (StackTraceElement frame : thread.getStackTrace()) {
          text.append("\n  ").append(frame);
        }
      }
      return text.toString();
    }

    private void run(int index) {
      turns[index].acquireUninterruptibly();
      try {
        scene.play(index);
      } catch (Throwable t) {
        failure = failure == null ? t : failure;
      }
      over[index] = true;
      try {
        passOn();
      } catch (Throwable t) {
        failure = failure == null ? t : failure;
        end.release();
      }
    }

    /** The turn is another one's, who has not ended; or nobody's. */
    private void passOn() {
      int waiting = 0;
      for (boolean each : over) {
        waiting += each ? 0 : 1;
      }
      if (waiting == 0) {
        end.release();
      } else {
        turns[waiting(order.choose(waiting), -1)].release();
      }
    }

    private int waiting(int choice, int except) {
      int left = choice;
      for (int i = 0; i < over.length; i++) {
        if (!over[i] && i != except && left-- == 0) {
          return i;
        }
      }
      throw new AssertionError("There is no choice " + choice);
    }

    void point() {
      int me = Arrays.asList(threads).indexOf(Thread.currentThread());
      if (me < 0 || interruptionsLeft == 0 || Thread.holdsLock(lock)) {
        return;
      }
      int others = -1;
      for (boolean each : over) {
        others += each ? 0 : 1;
      }
      int choice = others == 0 ? 0 : order.choose(1 + others);
      if (choice > 0) {
        interruptionsLeft--;
        turns[waiting(choice - 1, me)].release();
        turns[me].acquireUninterruptibly();
      }
    }
  }

  /** Defines the program's classes once more, some of them with points. */
  private static final class Loader extends ClassLoader {
    private final Set<String> stepped;

    Loader(Set<String> stepped) {
      super(Steps.class.getClassLoader());
      this.stepped = stepped;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      boolean isOurs = name.startsWith("io.transferengine.") && !outermost(name).equals(SHARED);
      if (!isOurs) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> known = findLoadedClass(name);
        return known == null ? define(name) : known;
      }
    }

    private static String outermost(String name) {
      int nested = name.indexOf('$');
      return nested < 0 ? name : name.substring(0, nested);
    }

    private Class<?> define(String name) throws ClassNotFoundException {
      String file = name.replace('.', '/') + ".class";
      try (InputStream in = getParent().getResourceAsStream(file)) {
        if (in == null) {
          throw new ClassNotFoundException(name);
        }
        byte[] bytes = in.readAllBytes();
        boolean hasPoints = stepped.contains(name) || stepped.contains(outermost(name));
        byte[] code = hasPoints ? withPoints(bytes) : bytes;
        return defineClass(name, code, 0, code.length);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static byte[] withPoints(byte[] bytes) {
      ClassModel model = ClassFile.of().parse(bytes);
      String self = model.thisClass().asInternalName();
      Set<String> changing = new HashSet<>();
      for (FieldModel field : model.fields()) {
        if (!field.flags().has(AccessFlag.FINAL)) {
          changing.add(field.fieldName().stringValue());
        }
      }
      Set<String> locking = new HashSet<>();
      for (MethodModel method : model.methods()) {
        if (method.flags().has(AccessFlag.SYNCHRONIZED)) {
          locking.add(method.methodName().stringValue() + method.methodType().stringValue());
        }
      }
      CodeTransform points =
          new CodeTransform() {
            @Override
            public void atStart(CodeBuilder code) {
              code.invokestatic(STEPS, "point", NOTHING);
            }

            @Override
            public void accept(CodeBuilder code, CodeElement element) {
              if (isShared(element, self, changing, locking)) {
                code.invokestatic(STEPS, "point", NOTHING);
              }
              code.with(element);
            }
          };
      return ClassFile.of()
          .transformClass(
              model,
              ClassTransform.transformingMethodBodies(
                  method -> !method.methodName().stringValue().startsWith("<"), points));
    }

    private static boolean isShared(
        CodeElement element, String self, Set<String> changing, Set<String> locking) {
      return switch (element) {
        case MonitorInstruction monitor -> monitor.opcode() == Opcode.MONITORENTER;
        case FieldInstruction field ->
            field.owner().asInternalName().equals(self)
                && changing.contains(field.name().stringValue());
        case InvokeInstruction call -> {
          String owner = call.owner().asInternalName();
          yield owner.startsWith("java/util/concurrent/atomic/")
              || owner.equals("java/util/concurrent/CountDownLatch")
              || (owner.equals(self)
                  && locking.contains(call.name().stringValue() + call.type().stringValue()));
        }
        default -> false;
      };
    }
  }
}
