// SPDX-License-Identifier: Apache-2.0
// Start-up of ./te jshell, after jshell's own imports.
import io.transferengine.*;
import io.transferengine.metrics.*;
import io.transferengine.topology.*;
import io.transferengine.transfer.*;
import java.lang.foreign.*;
import java.time.*;

TransferEngine engine = new TransferEngine();
int status = engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "");

System.out.println(
    status == 0
        ? "engine is ready; peers reach it as 127.0.0.1:" + engine.getRpcPort()
        : "engine.initialize returned " + status + "; the log line above says why");
