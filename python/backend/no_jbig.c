/* Stands in for libjbig.so.0 in the wheel: libtiff asks for it, for pictures that were compressed as
   faxes are, and it is under the GPL, which the wheel is not. Such a TIFF file is then one that
   cannot be read. */
#include <stddef.h>

void jbg_dec_init(void* state) { (void)state; }
void jbg_dec_free(void* state) { (void)state; }
int jbg_dec_in(void* state, unsigned char* data, size_t length, size_t* used) {
  (void)state, (void)data, (void)length;
  if (used != NULL) *used = 0;
  return 1;
}
const char* jbg_strerror(int error) {
  (void)error;
  return "JBIG is left out of this build";
}
int jbg_newlen(unsigned char* data, size_t length) {
  (void)data, (void)length;
  return 1;
}
unsigned char* jbg_dec_getimage(const void* state, int plane) {
  (void)state, (void)plane;
  return NULL;
}
unsigned long jbg_dec_getsize(const void* state) {
  (void)state;
  return 0;
}

void jbg_enc_init(void* state, unsigned long width, unsigned long height, int planes,
                  unsigned char** data, void* output, void* context) {
  (void)state, (void)width, (void)height, (void)planes, (void)data, (void)output, (void)context;
}
void jbg_enc_out(void* state) { (void)state; }
void jbg_enc_free(void* state) { (void)state; }
