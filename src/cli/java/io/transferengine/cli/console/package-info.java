// SPDX-License-Identifier: Apache-2.0
/** What every task needs: options, tables, colours, exit statuses, the environment. */
package io.transferengine.cli.console;
