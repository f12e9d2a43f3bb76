// SPDX-License-Identifier: Apache-2.0
/*
 * `operaglass cost …` and `operaglass analytics …`: reports from the journal as tables or JSON, also
 * while nothing runs; and the budget. argv[0] is the command's word. 0; 1: cannot; 2: usage.
 */
#ifndef EXPORTER_REPORT_MAIN_H
#define EXPORTER_REPORT_MAIN_H

int cost_main(int argc, char **argv);
int analytics_main(int argc, char **argv);

#endif
