//! See `huaweicloud_sms_fuzz::mutation`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(mutation);
