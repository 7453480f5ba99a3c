//! See `huaweicloud_sms_fuzz::answer`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(answer);
