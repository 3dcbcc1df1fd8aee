// SPDX-License-Identifier: Apache-2.0
/** Real metadata services for tests: started on free ports of the loopback, stopped by process. */
package io.transferengine.testkit.services;
