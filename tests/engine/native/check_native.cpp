// The checks and the library for Python in one: the kernels, which take longest to compile, are compiled once.
#include "check_kernels.cpp"
#include "check_model.cpp"
#include "native.cpp"
