// The file that all processes of a job share (gpu.md A.1.8): it changes with each checkpoint, and a restore needs it as it was after the last.
#ifndef MOCK_JOB_FILE_H
#define MOCK_JOB_FILE_H

// False when the file cannot be written. Without a job file there is nothing to do.
bool note_checkpoint();
// Whether the file has that note, and may be written by this process.
bool has_checkpoint();

#endif
