// SPDX-License-Identifier: MIT
// What systemd is about to do with our unit.
#pragma once

#include <systemd/sd-event.h>

enum unit_job {
	UNIT_JOB_UNKNOWN, /* no systemd, no unit of our own, or no answer within a second */
	UNIT_JOB_NONE,
	UNIT_JOB_STOP,
	UNIT_JOB_START,	  /* there will be a next process of this unit, or one is just failing */
	UNIT_JOB_RESTART, /* there will be a next process */
};

/* Asks over D-Bus; DONE is called from the event loop, once. Only one question at a time. */
void unitjob_ask(sd_event *event, void (*done)(void *arg, enum unit_job job), void *arg);
