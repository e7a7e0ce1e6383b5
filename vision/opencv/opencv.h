#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// Both are in static memory.
const char *kensa_opencv_version(void);
const char *kensa_opencv_build(void);

#ifdef __cplusplus
}
#endif
