#include "opencv.h"

#include <opencv2/core/utility.hpp>
#include <opencv2/core/version.hpp>

const char *kensa_opencv_version(void) {
  static const cv::String version = cv::getVersionString();
  return version.c_str();
}

const char *kensa_opencv_build(void) { return cv::getBuildInformation().c_str(); }
