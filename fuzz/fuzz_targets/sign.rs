//! See `huaweicloud_sms_fuzz::sign`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| huaweicloud_sms_fuzz::sign(data));

#[cfg(not(fuzzing))]
fn main() {}
