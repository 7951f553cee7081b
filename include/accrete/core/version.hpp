/// The version of the library, as numbers for the preprocessor and as text for logs and files.
#pragma once

#define ACCRETE_VERSION_MAJOR 0
#define ACCRETE_VERSION_MINOR 1
#define ACCRETE_VERSION_PATCH 0
#define ACCRETE_VERSION_STRING "0.1.0"
